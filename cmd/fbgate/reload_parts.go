package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"
)

// parts are what a gateway hands on to the next one, which is put together when the
// configuration is read anew: whatever is configured as before. The zero value has none.
type parts struct {
	mu  sync.Mutex
	all map[string]*part
}

// part is one of them, for as long as somebody uses it.
type part struct {
	value any
	end   func() // may be nil
	users int
}

// tenancy is a gateway's use of parts.
type tenancy struct {
	parts *parts
	keys  []string
}

// share returns the part of that key, which says all that it is made of. If there is
// none it is made; end is called when nobody uses it any more, and may be nil. One
// gateway at a time is put together.
func share[T any](t *tenancy, key string, make func() (value T, end func(), err error)) (T, error) {
	if p := t.take(key); p != nil {
		value, _ := p.value.(T) // which may be nil
		return value, nil
	}
	value, end, err := make()
	if err != nil {
		return value, err
	}
	t.parts.mu.Lock()
	defer t.parts.mu.Unlock()
	if t.parts.all == nil {
		t.parts.all = map[string]*part{}
	}
	t.parts.all[key] = &part{value, end, 1}
	t.keys = append(t.keys, key)
	return value, nil
}

// take uses a part that is there, nil if it is not.
func (t *tenancy) take(key string) *part {
	t.parts.mu.Lock()
	defer t.parts.mu.Unlock()
	p := t.parts.all[key]
	if p != nil {
		p.users++
		t.keys = append(t.keys, key)
	}
	return p
}

// end uses no parts any more. What nobody else uses is ended, the last made first.
func (t *tenancy) end() {
	var ends []func()
	t.parts.mu.Lock()
	for i := len(t.keys) - 1; i >= 0; i-- {
		key := t.keys[i]
		p := t.parts.all[key]
		if p.users--; p.users > 0 {
			continue
		}
		delete(t.parts.all, key)
		if p.end != nil {
			ends = append(ends, p.end)
		}
	}
	t.keys = nil
	t.parts.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// keyOf is the key of a part of a kind that is made of these values: of the
// configuration, or keys of other parts.
func keyOf(kind string, of ...any) string {
	text, err := json.Marshal(of)
	if err != nil {
		panic(err) // they are plain structs
	}
	sum := sha256.Sum256(text)
	return kind + " " + hex.EncodeToString(sum[:])
}

// contentOf stands for the content of a file that is read once, when a part is made; it
// is empty if the file cannot be read.
func contentOf(file string) string {
	if file == "" {
		return ""
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
