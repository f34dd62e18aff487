package admin

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Change is something an operator has done.
type Change struct {
	Number int // from 1
	At     time.Time
	Who    string // an address, and whatever names there are: the operator's and that of the session
	What   string // as in the log, such as "cache flushed"
	Of     string // what was changed
	Count  int    // how many mailboxes were
	Failed bool
	Why    string // it failed
}

// What is done to the cache.
const CacheFlushed, CacheRefreshed = "cache flushed", "cache refreshed"

// Counted reports whether there is a Count, which may be 0.
func (c Change) Counted() bool { return c.What == CacheFlushed || c.What == CacheRefreshed }

// mostChanges is how many are kept.
const mostChanges = 50

const reloaded, notReloaded = "configuration reloaded", "configuration not reloaded"

// Reloaded is the change of the configuration in a file, or that it was not changed because
// of err.
func Reloaded(who, file string, err error) Change {
	if err != nil {
		return Change{Who: who, What: notReloaded, Of: file, Failed: true, Why: err.Error()}
	}
	return Change{Who: who, What: reloaded, Of: file}
}

// fields are what the log has of a change, whoever notes it.
func (c *Change) fields() []any {
	fields := []any{"client", c.Who}
	if c.What == reloaded || c.What == notReloaded {
		fields = append(fields, "file", c.Of)
	}
	if c.Failed { // in short: faults have lines of their own
		first, _, _ := strings.Cut(c.Why, "\n")
		fields = append(fields, "error", strings.TrimSuffix(first, ":"))
	}
	return fields
}

// Changes are the last things operators have done. The zero value is ready; a nil one
// keeps nothing.
type Changes struct {
	mu   sync.Mutex
	last []Change
	made int
}

// Note keeps a change, writes it to the log with more about it, and returns its number.
func (c *Changes) Note(log *slog.Logger, change Change, more ...any) int {
	change.At = time.Now()
	c.keep(&change)
	level := slog.LevelInfo
	if change.Failed {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, change.What, append(change.fields(), more...)...)
	return change.Number
}

func (c *Changes) keep(change *Change) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made++
	change.Number = c.made
	c.last = append(c.last, *change)
	c.last = c.last[max(0, len(c.last)-mostChanges):]
}

// Last returns the last changes, the newest first.
func (c *Changes) Last() []Change {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last := slices.Clone(c.last)
	slices.Reverse(last)
	return last
}
