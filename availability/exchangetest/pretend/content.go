package pretend

import (
	"bytes"
	"compress/gzip"
)

// EntityBomb is the prologue of an XML document whose last entity stands for a gigabyte
// of text, and what makes a reader draw it out: the "billion laughs".
var EntityBomb = entityBomb()

func entityBomb() string {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a0 "0000000000">`)
	for i := '1'; i <= '9'; i++ {
		b.WriteString("<!ENTITY a" + string(i) + ` "`)
		for range 10 {
			b.WriteString("&a" + string(i-1) + ";")
		}
		b.WriteString(`">`)
	}
	b.WriteString("]><bomb>&a9;</bomb>")
	return b.String()
}

// CutGzip returns body compressed, without the second half of what that gives.
func CutGzip(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a Buffer takes all
	_ = w.Close()
	return b.Bytes()[:b.Len()/2]
}
