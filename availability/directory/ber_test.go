package directory

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// bytesConn is a connection on which a server has sent something.
type bytesConn struct {
	net.Conn
	io.Reader
}

func (c bytesConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c bytesConn) Write(p []byte) (int, error) { return len(p), nil }

func through(r io.Reader) *elements { return &elements{Conn: bytesConn{Reader: r}} }

// sequences are nested as deep as that.
func sequences(depth int) []byte {
	p := ber.NewSequence("")
	for range depth - 1 {
		outer := ber.NewSequence("")
		outer.AppendChild(p)
		p = outer
	}
	return p.Bytes()
}

func TestElements(t *testing.T) {
	long := ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, strings.Repeat("x", 70_000), "").Bytes()
	for _, test := range []struct {
		name  string
		sent  []byte
		fault string
	}{
		{"one", []byte{0x30, 3, 2, 1, 1}, ""},
		{"a length of four digits", append([]byte{0x30, 0x84, 0, 1, 0x11, 0x75}, long...), ""},
		{"several", bytes.Repeat([]byte{0x30, 4, 5, 0, 5, 0}, 1000), ""},
		{"nested as deep as may be", sequences(maxNesting), ""},
		{"nested deeper", sequences(maxNesting + 3), "nested deeper than 16"},
		{"as many as may be", bytes.Repeat([]byte{5, 0}, maxElements), ""},
		{"more", bytes.Repeat([]byte{5, 0}, maxElements+1), "more than 2097152 elements unasked"},
		{"without a length", []byte{0x30, 0x80, 5, 0, 0, 0}, "a length that LDAP does not have"},
		{"of a length of five digits", []byte{0x30, 0x85, 0, 0, 0, 0, 0}, "a length that LDAP does not have"},
		{"a high tag", []byte{0x3f, 0x81, 1, 0}, "a tag that LDAP does not have"},
		{"one longer than the outer", []byte{0x30, 3, 4, 2, 1, 1}, "longer than what holds it"},
	} {
		_, err := io.Copy(io.Discard, through(bytes.NewReader(test.sent)))
		if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	e := through(bytes.NewReader(bytes.Repeat([]byte{5, 0}, maxElements+1)))
	if _, err := io.CopyN(io.Discard, e, maxElements); err != nil {
		t.Fatal(err)
	}
	_, _ = e.Write([]byte("a question"))
	if _, err := io.Copy(io.Discard, e); err != nil {
		t.Errorf("after a question: %v", err)
	}
}

// Elements are told from each other as go-asn1-ber does, however they come.
func FuzzElements(f *testing.F) {
	f.Add([]byte{0x30, 12, 2, 1, 1, 0x64, 7, 4, 3, 'c', 'n', '=', 0x30, 0})
	f.Add([]byte{0x30, 0x82, 0, 5, 2, 1, 1, 0x65, 0x81, 0})
	f.Add(sequences(maxNesting + 1))
	f.Fuzz(func(t *testing.T, sent []byte) {
		whole, single := through(bytes.NewReader(sent)), through(iotest.OneByteReader(bytes.NewReader(sent)))
		_, err := io.Copy(io.Discard, whole)
		if _, other := io.Copy(io.Discard, single); (err == nil) != (other == nil) || err == nil && whole.count.Load() != single.count.Load() {
			t.Fatalf("at once %v, byte by byte %v", err, other)
		}
		e := through(bytes.NewReader(sent))
		packet, err := ber.ReadPacket(e)
		if err != nil {
			return
		}
		if packet == nil {
			t.Fatal("neither a packet nor an error")
		}
		if count, depth := sizeOf(packet); count != e.count.Load() || depth > maxNesting+1 || len(e.open) != 0 || e.skip != 0 || e.header != 0 {
			t.Errorf("%x has %d elements nested %d deep: %+v", sent, count, depth, e)
		}
	})
}

func sizeOf(p *ber.Packet) (count int64, depth int) {
	count = 1
	for _, child := range p.Children {
		c, d := sizeOf(child)
		count, depth = count+c, max(depth, d)
	}
	return count, depth + 1
}
