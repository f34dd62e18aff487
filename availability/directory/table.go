package directory

import (
	"bytes"
	"cmp"
	"slices"
	"sort"

	"fbgate/availability"
)

// table holds the recipients of a file in little memory: all text in one piece, and
// an index of addresses that is a sorted slice rather than a map.
type table struct {
	text       []byte
	recipients []row
	index      []key // by address
	members    []cut
}

// cut is a part of the text.
type cut struct{ at, size uint32 }

// row is one recipient.
type row struct {
	mailbox, primary, legacyDN, name cut
	members, missing                 run
	line                             uint32 // where it begins in the file
	tooMany                          uint32 // members, if there are more than are kept
	list                             bool
}

// run is a part of table.members.
type run struct{ first, count uint32 }

// key is an address of a recipient.
type key struct {
	address cut
	row     uint32
}

func (t *table) bytes(c cut) []byte { return t.text[c.at : c.at+c.size] }

func (t *table) mailbox(c cut) availability.Mailbox { return availability.Mailbox(t.bytes(c)) }

// find returns the recipient with an address, nil if there is none.
func (t *table) find(m availability.Mailbox) *row {
	i, found := sort.Find(len(t.index), func(i int) int {
		// Not cmp.Compare: these conversions do not allocate.
		switch address := t.bytes(t.index[i].address); {
		case string(m) < string(address):
			return -1
		case string(m) > string(address):
			return 1
		default:
			return 0
		}
	})
	if !found {
		return nil
	}
	return &t.recipients[t.index[i].row]
}

// entry returns a recipient, with at most that many members.
func (t *table) entry(r *row, most int) *Entry {
	e := &Entry{
		Mailbox: t.mailbox(r.mailbox), Primary: t.mailbox(r.primary),
		LegacyDN: t.mailbox(r.legacyDN), Name: string(t.bytes(r.name)),
	}
	if !r.list {
		return e
	}
	e.TooMany = int(r.tooMany)
	if count := int(r.members.count + r.missing.count); count > most {
		e.TooMany = max(e.TooMany, count)
	}
	e.Members = []availability.Mailbox{}
	if e.TooMany > 0 {
		return e
	}
	for _, c := range t.of(r.members) {
		e.Members = append(e.Members, t.mailbox(c))
	}
	for _, c := range t.of(r.missing) {
		e.Missing = append(e.Missing, string(t.bytes(c)))
	}
	return e
}

func (t *table) of(r run) []cut { return t.members[r.first : r.first+r.count] }

// add puts text into the table. The cut of no text is the zero one.
func (t *table) add(text string) cut {
	if text == "" {
		return cut{}
	}
	c := cut{uint32(len(t.text)), uint32(len(text))}
	t.text = append(t.text, text...)
	return c
}

// addRecipient puts r into the table, without its members.
func (t *table) addRecipient(r *recipient, line int) *row {
	e := r.entry()
	first := len(t.index)
	for _, m := range r.addresses {
		t.index = append(t.index, key{t.add(string(m)), uint32(len(t.recipients))})
	}
	own := func(m availability.Mailbox) cut { // the text is there already, mostly
		for _, k := range t.index[first:] {
			if string(t.bytes(k.address)) == string(m) {
				return k.address
			}
		}
		return t.add(string(m))
	}
	t.recipients = append(t.recipients, row{
		mailbox: own(e.Mailbox), primary: own(e.Primary), legacyDN: own(e.LegacyDN), name: t.add(e.Name),
		line: uint32(line), list: e.list(),
	})
	return &t.recipients[len(t.recipients)-1]
}

// addMembers gives r its members.
func (t *table) addMembers(r *row, members, missing []cut) {
	r.members = t.run(members)
	r.missing = t.run(missing)
}

func (t *table) run(cuts []cut) run {
	r := run{uint32(len(t.members)), uint32(len(cuts))}
	t.members = append(t.members, cuts...)
	return r
}

// address returns the address by which r is a member of a list.
func (r *row) address() cut {
	return cmp.Or(r.primary, r.legacyDN, r.mailbox)
}

// sort makes the index usable, and finds addresses that several recipients have.
func (t *table) sort(faults *faults) {
	sortKeys(t.text, t.index)
	for i := 1; i < len(t.index); i++ {
		a, b := t.index[i-1], t.index[i]
		if a.row != b.row && bytes.Equal(t.bytes(a.address), t.bytes(b.address)) {
			faults.add(int(t.recipients[b.row].line), "%.200s is an address of line %d, too", t.bytes(b.address), t.recipients[a.row].line)
		}
	}
	t.text, t.index = slices.Clip(t.text), slices.Clip(t.index)
	t.recipients, t.members = slices.Clip(t.recipients), slices.Clip(t.members)
}

func sortKeys(text []byte, keys []key) {
	slices.SortFunc(keys, func(a, b key) int {
		c := bytes.Compare(text[a.address.at:a.address.at+a.address.size], text[b.address.at:b.address.at+b.address.size])
		return cmp.Or(c, cmp.Compare(a.row, b.row))
	})
}
