package directory_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// pretend is an LDAP server for what slapd does not do: it tells members in ranges as
// Active Directory does, and can fall silent. It knows one group.
type pretend struct {
	url     string
	members int
	step    int
	silent  func(operation ber.Tag) bool // may be nil
	endless bool                         // a search brings an entry without end
	refuses bool                         // the account
	// login returns what is said to one who logs in, and found what a search finds
	// instead of the group; both may be nil.
	login func(dn, password string) (code int, text string)
	found func(search *ber.Packet) map[string]map[string][]string

	mu       sync.Mutex
	searches int
	binds    int
	conns    []net.Conn
}

func (p *pretend) start(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.url = "ldap://" + l.Addr().String()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns = append(p.conns, conn)
			p.mu.Unlock()
			running.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.hangUp()
		running.Wait()
	})
}

// hangUp breaks all connections.
func (p *pretend) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
}

// count returns how many binds and searches there were.
func (p *pretend) count() (binds, searches int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.binds, p.searches
}

func (p *pretend) serve(conn net.Conn) {
	defer conn.Close()
	for {
		packet, err := ber.ReadPacket(conn)
		if err != nil {
			return
		}
		id, operation := packet.Children[0].Value.(int64), packet.Children[1]
		p.mu.Lock()
		switch operation.Tag {
		case ldap.ApplicationBindRequest:
			p.binds++
		case ldap.ApplicationSearchRequest:
			p.searches++
		}
		silent := p.silent
		p.mu.Unlock()
		if silent != nil && silent(operation.Tag) {
			continue
		}
		switch operation.Tag {
		case ldap.ApplicationBindRequest:
			code := ldap.LDAPResultSuccess
			if p.refuses {
				code = ldap.LDAPResultInvalidCredentials
			}
			text := ""
			if p.login != nil {
				code, text = p.login(operation.Children[1].Value.(string), operation.Children[2].Data.String())
			}
			conn.Write(done(id, ldap.ApplicationBindResponse, code, text))
		case ldap.ApplicationSearchRequest:
			if p.endless {
				pour(conn, id)
				return
			}
			conn.Write(append(p.entry(id, operation), done(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, "")...))
		}
	}
}

// entry answers a search: about a member, or about the group.
func (p *pretend) entry(id int64, search *ber.Packet) (all []byte) {
	if p.found != nil {
		for dn, attributes := range p.found(search) {
			all = append(all, entry(id, dn, attributes)...)
		}
		return all
	}
	base := search.Children[0].Value.(string)
	if name, ok := strings.CutPrefix(base, "cn=u"); ok {
		return entry(id, base, map[string][]string{"mail": {"u" + name + "@contoso.com"}})
	}
	from := 0
	for _, a := range search.Children[7].Children {
		if r, ok := strings.CutPrefix(a.Value.(string), "member;range="); ok {
			from, _ = strconv.Atoi(strings.TrimSuffix(r, "-*"))
		}
	}
	last, name := min(from+p.step, p.members), fmt.Sprintf("member;range=%d-*", from)
	if last < p.members {
		name = fmt.Sprintf("member;range=%d-%d", from, last-1)
	}
	var members []string
	for i := from; i < last; i++ {
		members = append(members, fmt.Sprintf("cn=u%d", i))
	}
	return entry(id, "cn=all", map[string][]string{"mail": {"all@contoso.com"}, "objectClass": {"group"}, "member": nil, name: members})
}

func entry(id int64, dn string, attributes map[string][]string) []byte {
	e := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	e.AppendChild(text(dn))
	list := ber.NewSequence("")
	for name, values := range attributes {
		attribute := ber.NewSequence("")
		attribute.AppendChild(text(name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range values {
			set.AppendChild(text(v))
		}
		attribute.AppendChild(set)
		list.AppendChild(attribute)
	}
	e.AppendChild(list)
	return envelope(id, e)
}

// pour writes an entry whose name is almost 2 GiB long.
func pour(conn net.Conn, id int64) {
	conn.Write([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, byte(id), 0x64, 0x84, 0x7f, 0xff, 0xff, 0xe0, 0x04, 0x84, 0x7f, 0xff, 0xff, 0xd0})
	for zeros := make([]byte, 1<<20); ; {
		if _, err := conn.Write(zeros); err != nil {
			return
		}
	}
}

func done(id int64, tag ber.Tag, code int, message string) []byte {
	d := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	d.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	d.AppendChild(text(""))
	d.AppendChild(text(message))
	return envelope(id, d)
}

func text(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func envelope(id int64, operation *ber.Packet) []byte {
	e := ber.NewSequence("")
	e.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	e.AppendChild(operation)
	return e.Bytes()
}
