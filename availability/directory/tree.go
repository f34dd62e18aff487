package directory

import (
	"bytes"
	"sort"
	"strings"
)

// tree knows which entry of an LDIF file has which distinguished name, to say who
// the members of a list are. It is of use only while the file is read.
type tree struct {
	text  []byte
	names []key
	lists []draft
}

// draft is a list whose members are not known yet but by name.
type draft struct {
	row       uint32
	members   []cut // of tree.text
	truncated bool
}

// add puts an entry into the table and notes its name, and those of its members.
func (n *tree) add(t *table, r *recipient, dn string, line int) {
	row := uint32(len(t.recipients))
	t.addRecipient(r, line)
	n.names = append(n.names, key{n.note(canonicalDN(dn)), row})
	if !r.list {
		return
	}
	d := draft{row: row, truncated: r.truncated, members: make([]cut, len(r.members))}
	for i, member := range r.members {
		d.members[i] = n.note(member)
	}
	n.lists = append(n.lists, d)
}

func (n *tree) note(name string) cut {
	c := cut{uint32(len(n.text)), uint32(len(name))}
	n.text = append(n.text, name...)
	return c
}

func (n *tree) bytes(c cut) []byte { return n.text[c.at : c.at+c.size] }

// join gives each list its members.
func (n *tree) join(t *table, faults *faults) {
	sortKeys(n.text, n.names)
	for i := 1; i < len(n.names); i++ {
		if a, b := n.names[i-1], n.names[i]; bytes.Equal(n.bytes(a.address), n.bytes(b.address)) {
			faults.add(int(t.recipients[b.row].line), "%.200s is the dn of line %d, too", n.bytes(b.address), t.recipients[a.row].line)
		}
	}
	for _, d := range n.lists {
		var members, missing []cut
		for _, c := range d.members {
			name := string(n.bytes(c))
			if r, ok := n.find(canonicalDN(name)); !ok {
				missing = append(missing, t.add(name))
			} else if address := t.recipients[r].address(); address.size > 0 {
				members = append(members, address)
			}
		}
		list := &t.recipients[d.row]
		t.addMembers(list, members, missing)
		if d.truncated {
			list.tooMany = uint32(max(1, len(d.members)))
		}
	}
}

func (n *tree) find(dn string) (row uint32, ok bool) {
	i, ok := sort.Find(len(n.names), func(i int) int { return bytes.Compare([]byte(dn), n.bytes(n.names[i].address)) })
	if !ok {
		return 0, false
	}
	return n.names[i].row, true
}

// canonicalDN returns a distinguished name in lower case and without the spaces that
// may stand around its commas and equals signs (RFC 4514 does without, older ones
// have them).
func canonicalDN(dn string) string {
	dn = strings.ToLower(strings.TrimSpace(dn))
	if !strings.Contains(dn, ", ") && !strings.Contains(dn, " ,") && !strings.Contains(dn, "= ") && !strings.Contains(dn, " =") {
		return dn
	}
	var b strings.Builder
	space := 0 // spaces not written yet
	after := true
	for i := 0; i < len(dn); i++ {
		switch c := dn[i]; {
		case c == ' ':
			if !after {
				space++
			}
			continue
		case c == ',' || c == '=':
			space, after = 0, true
		default:
			after = false
		}
		for ; space > 0; space-- {
			b.WriteByte(' ')
		}
		b.WriteByte(dn[i])
		if dn[i] == '\\' && i+1 < len(dn) { // what follows is meant as it is
			i++
			b.WriteByte(dn[i])
		}
	}
	return b.String()
}
