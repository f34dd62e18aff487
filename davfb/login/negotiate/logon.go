package negotiate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

const (
	// mostGroups is how many groups of a client are read. Windows lets nobody log on
	// who is in more than 1,015.
	mostGroups = 2000
	// mostSubAuthorities is how long a security identifier can be ([MS-DTYP], 2.4.2).
	mostSubAuthorities = 15
	// Of a group's attributes: it counts, and not only where something is denied.
	groupEnabled, groupUseForDenyOnly = 0x4, 0x10
)

// logOnGroups returns the groups in KERB_VALIDATION_INFO ([MS-PAC], 2.5), which is
// marshaled in NDR ([C706], chapter 14): first the structure with its pointers, then
// what they lead to, in their order.
//
// gokrb5 can read it, too, but makes arrays as long as the sender says.
func logOnGroups(content []byte) ([]string, error) {
	r := &ndr{rest: content}
	r.skip(8 + 8 + 4) // the headers, and the pointer to the structure
	r.skip(6 * 8)     // times
	var texts [8]bool // whether there is one
	for i := range 6 {
		texts[i] = r.unicodeString()
	}
	r.skip(2 + 2 + 4 + 4) // counts of log-ons, the user, the primary group
	r.skip(4)             // how many groups, which the array says again
	groups := r.pointer()
	r.skip(4 + 16) // flags, session key
	texts[6], texts[7] = r.unicodeString(), r.unicodeString()
	domain := r.pointer()
	r.skip(8 + 4 + 4 + 8 + 8 + 4 + 4) // reserved, control and status of the account, log-ons, reserved
	r.skip(4)
	extra := r.pointer()
	resourceDomain := r.pointer()
	r.skip(4)
	resource := r.pointer()

	for _, there := range texts[:6] {
		r.text(there)
	}
	members := r.relatives(groups)
	r.text(texts[6])
	r.text(texts[7])
	sids := under(r.sid(domain), members)
	sids = append(sids, r.extras(extra)...)
	base := r.sid(resourceDomain)
	sids = append(sids, under(base, r.relatives(resource))...)
	if r.failed {
		return nil, errors.New("the log-on information in the PAC is malformed")
	}
	return sids, nil
}

// under returns the identifiers of the groups of a domain.
func under(domain string, relatives []uint32) (sids []string) {
	if domain == "" {
		return nil
	}
	for _, id := range relatives {
		sids = append(sids, fmt.Sprintf("%s-%d", domain, id))
	}
	return sids
}

// ndr reads little-endian NDR. Once it has failed, what it returns is empty.
type ndr struct {
	rest   []byte
	failed bool
}

func (r *ndr) take(n int) []byte {
	if n > len(r.rest) {
		r.failed, r.rest = true, nil
		return make([]byte, min(n, 8))
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *ndr) skip(n int) { r.take(n) }

func (r *ndr) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *ndr) pointer() bool { return r.uint32() != 0 }

// unicodeString reads RPC_UNICODE_STRING: two lengths and a pointer.
func (r *ndr) unicodeString() bool {
	r.skip(4)
	return r.pointer()
}

// text reads over the characters of one, if there are any.
func (r *ndr) text(there bool) {
	if !there {
		return
	}
	r.skip(8) // what there is room for, and where it begins
	count := r.uint32()
	if count > 1<<15 {
		r.failed = true
		return
	}
	r.skip(2*int(count) + 2*int(count)%4)
}

// count reads the length of an array.
func (r *ndr) count(most uint32) int {
	n := r.uint32()
	if n > most {
		r.failed = true
		return 0
	}
	return int(n)
}

// relatives reads an array of GROUP_MEMBERSHIP and returns those that count.
func (r *ndr) relatives(there bool) (ids []uint32) {
	if !there {
		return nil
	}
	for range r.count(mostGroups) {
		if id, attributes := r.uint32(), r.uint32(); counts(attributes) {
			ids = append(ids, id)
		}
	}
	return ids
}

// extras reads an array of KERB_SID_AND_ATTRIBUTES and returns those that count.
func (r *ndr) extras(there bool) (sids []string) {
	if !there {
		return nil
	}
	type extra struct{ there, counts bool }
	all := make([]extra, r.count(mostGroups))
	for i := range all {
		all[i] = extra{r.pointer(), counts(r.uint32())}
	}
	for _, e := range all {
		if sid := r.sid(e.there); sid != "" && e.counts {
			sids = append(sids, sid)
		}
	}
	return sids
}

func counts(attributes uint32) bool {
	return attributes&(groupEnabled|groupUseForDenyOnly) == groupEnabled
}

// sid reads a security identifier as it is written, "s-1-5-21-…"; it is empty if there
// is none.
func (r *ndr) sid(there bool) string {
	if !there {
		return ""
	}
	n := r.count(mostSubAuthorities)
	head := r.take(8)
	if r.failed || head[0] != 1 || int(head[1]) != n {
		r.failed = true
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "s-1-%d", binary.BigEndian.Uint64(append([]byte{0, 0}, head[2:]...)))
	for range n {
		fmt.Fprintf(&b, "-%d", r.uint32())
	}
	return b.String()
}
