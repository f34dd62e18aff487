package cache

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"time"

	"fbgate/availability"
)

// write writes s.
func (s *snapshot) write(to io.Writer) error {
	sum := sha256.New()
	w := &writer{to: bufio.NewWriterSize(to, 1<<16), sum: sum}
	w.next = append(w.next, magic...)
	w.time(s.written)
	w.number(len(s.organizations))
	for i := range s.organizations {
		w.organization(&s.organizations[i])
	}
	w.number(w.keys)
	w.flush()
	w.next = sum.Sum(w.next)
	w.flush()
	if w.err == nil {
		w.err = w.to.Flush()
	}
	return w.err
}

// writer writes fields one after the other; next is what is still to be written.
type writer struct {
	to      *bufio.Writer
	sum     hash.Hash
	next    []byte
	keys    int
	written int
	err     error
}

func (w *writer) organization(o *organization) {
	w.text(o.name)
	w.text(o.fingerprint)
	w.flag(o.byRequester)
	for i := range o.kept {
		w.kept(&o.kept[i])
	}
	w.flag(false)
	w.flush()
}

// kept writes k if it could be read again, so that one answer that is too long, or not
// what a Source has promised, does not spoil the others.
func (w *writer) kept(k *kept) {
	w.flag(true)
	begin := len(w.next)
	w.memories(k)
	if r := (reader{rest: w.next[begin:]}); !r.reads() {
		w.next = w.next[:begin-1]
		return
	}
	w.keys++
	w.flush()
}

func (w *writer) memories(k *kept) {
	w.text(string(k.key.Mailbox))
	w.text(k.key.Domain)
	w.number(len(k.answers))
	for i := range k.answers {
		a := &k.answers[i]
		w.text(a.Source)
		w.length(a.age)
		w.next = binary.AppendVarint(w.next, int64(a.left))
		w.window(a.Window)
		w.schedule(&a.Schedule)
		w.flag(a.Reason != nil)
		if a.Reason != nil {
			w.text(a.Reason.Detail)
		}
	}
}

func (w *writer) schedule(s *availability.Schedule) {
	w.window(s.Known)
	w.length(s.Step)
	w.number(len(s.Spans))
	at := s.Known.Start
	for _, span := range s.Spans {
		w.length(span.Start.Sub(at))
		w.length(span.Duration())
		w.next = append(w.next, byte(span.Status))
		at = span.End
	}
}

func (w *writer) window(o availability.Window) {
	w.time(o.Start)
	w.length(o.Duration())
}

func (w *writer) time(t time.Time) {
	w.next = binary.AppendVarint(w.next, t.Unix())
	w.number(t.Nanosecond())
}

// length writes d, which is not negative.
func (w *writer) length(d time.Duration) {
	if d%time.Minute == 0 {
		w.next = binary.AppendUvarint(w.next, uint64(d/time.Minute)<<1)
		return
	}
	w.next = binary.AppendUvarint(w.next, uint64(d)<<1|1)
}

func (w *writer) text(s string) {
	w.number(len(s))
	w.next = append(w.next, s...)
}

func (w *writer) flag(set bool) {
	if set {
		w.next = append(w.next, 1)
	} else {
		w.next = append(w.next, 0)
	}
}

func (w *writer) number(n int) { w.next = binary.AppendUvarint(w.next, uint64(n)) }

// flush writes what is next.
func (w *writer) flush() {
	w.written += len(w.next)
	if w.err == nil && w.written > maxSnapshot {
		w.err = fmt.Errorf("it would have more than %d bytes", maxSnapshot)
	}
	if w.err == nil {
		w.sum.Write(w.next)
		_, w.err = w.to.Write(w.next)
	}
	w.next = w.next[:0]
}
