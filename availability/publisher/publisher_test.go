package publisher_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/foldertest"
	"fbgate/availability/publisher"
)

func TestPublish(t *testing.T) {
	bubble(t, 250, func(t *testing.T, w *world) {
		w.source.busy(0, 9, availability.Busy)
		w.source.busy(1, 40*24, availability.OOF)
		w.source.busy(2, 9, availability.Tentative)
		w.source.busy(3, 9, availability.WorkingElsewhere)
		w.start()
		r := w.round()
		if r.Total != 250 || r.Done != 250 || r.Written != 250 || len(r.Failed) != 0 || r.Stopped != nil || r.Recipients != nil {
			t.Errorf("%+v", r)
		}
		for i, want := range map[int]availability.Status{0: availability.Busy, 1: availability.Free, 2: availability.Tentative, 3: availability.Free, 4: availability.Free} {
			if got := status(w, i, 9); got != want {
				t.Errorf("user %d is %v, want %v", i, got, want)
			}
		}
		if status(w, 1, 40*24) != availability.OOF || status(w, 1, -1) != availability.NoData {
			t.Error("what is far off is lost")
		}
		item, _ := w.server.Item(dn(0))
		if want := (availability.Window{Start: thisMonth(), End: thisMonth().AddDate(0, 3, 0)}); !item.Range.Equal(want) || !item.Range.Equal(r.Window) {
			t.Errorf("the range is %v", item.Range)
		}
		if most := w.server.MaxInFlight(); most > 4 {
			t.Errorf("%d calls at the same time", most)
		}
		for _, q := range w.source.asked {
			if len(q.Mailboxes) > 100 || !strings.HasPrefix(q.RequestID, "publish-") {
				t.Errorf("%s asks about %d", q.RequestID, len(q.Mailboxes))
			}
		}

		// Only what changes is written.
		w.source.busy(4, 9, availability.Busy)
		calls := w.server.Calls()
		if r = w.round(); r.Written != 1 || r.Unchanged != 249 || w.server.Calls() != calls+1 || status(w, 4, 9) != availability.Busy {
			t.Errorf("%+v, %d calls", r, w.server.Calls()-calls)
		}
		if s := w.publisher.Status(); s.Previous.Written != 250 || s.Running || s.Organization != "contoso" {
			t.Errorf("%+v", s)
		}
	})
}

func TestRounds(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *world) {
		w.start()
		first := w.round()
		if second := w.round(); second.Began.Sub(first.Began) != 15*time.Minute {
			t.Errorf("%v after the first", second.Began.Sub(first.Began))
		}
		// One that takes too long is followed by another at once, but not before its end.
		w.server.Latency = 20 * time.Minute
		w.source.busy(0, 1, availability.Busy)
		w.config.Client.Timeout = time.Hour
		w.stop()
		w.start()
		long := w.round()
		w.source.busy(0, 2, availability.Busy)
		if next := w.round(); next.Began.Sub(long.Ended) != time.Second || w.server.MaxInFlight() != 1 {
			t.Errorf("%v after the end", next.Began.Sub(long.Ended))
		}
	})
}

func TestNewMonth(t *testing.T) {
	bubble(t, 3, func(t *testing.T, w *world) {
		w.config.Months, w.config.Behind = 2, 1
		w.start()
		w.round()
		old := thisMonth()
		time.Sleep(time.Until(old.AddDate(0, 1, 0)))
		w.round()
		w.round()
		item, _ := w.server.Item(dn(0))
		if want := (availability.Window{Start: old, End: old.AddDate(0, 3, 0)}); !item.Range.Equal(want) {
			t.Errorf("the range is %v, want %v", item.Range, want)
		}
	})
}

func TestRecentFirst(t *testing.T) {
	bubble(t, 500, func(t *testing.T, w *world) {
		w.config.Recent = func() iter.Seq[availability.Mailbox] {
			return slices.Values([]availability.Mailbox{mailbox(420), availability.Mailbox(lower(7)), "stranger@fabrikam.com"})
		}
		w.start()
		w.round()
		// Two batches begin together, and either may ask before the other.
		first, second := w.source.asked[0].Mailboxes, w.source.asked[1].Mailboxes
		if slices.Contains(second, mailbox(7)) {
			first = second
		}
		if !slices.Contains(first[:2], mailbox(7)) || !slices.Contains(first[:2], mailbox(420)) {
			t.Errorf("the first are %v and %v", w.source.asked[0].Mailboxes[:5], w.source.asked[1].Mailboxes[:5])
		}
	})
}

func TestLeavers(t *testing.T) {
	bubble(t, 150, func(t *testing.T, w *world) {
		stranger := group + "/cn=Recipients/cn=Stranger"
		w.server.Put(foldertest.Item{DN: stranger})
		w.start()
		w.round()
		all := w.recipients.list

		// While not all of them can be listed nobody has left.
		w.stop()
		w.recipients.list, w.recipients.err = all[:10], errors.New("the directory is down")
		w.start()
		if r := w.round(); r.Removed != 0 || r.Recipients == nil || r.Total != 10 || len(w.server.Items()) != 151 {
			t.Errorf("%+v, %d items", r, len(w.server.Items()))
		}
		w.stop()
		w.recipients.err = nil
		w.server.Fail(dn(20), foldertest.Fault{Status: 423, Times: 1})
		w.start()
		if r := w.round(); r.Removed != 139 || r.FailedRemovals != 1 || r.Unchanged != 10 {
			t.Errorf("%+v", r)
		}
		if r := w.round(); r.Removed != 1 || len(w.server.Items()) != 11 {
			t.Errorf("%+v, %d items", r, len(w.server.Items()))
		}
		if r := w.round(); r.Removed != 0 {
			t.Errorf("%+v", r)
		}
		w.stop()
		w.recipients.list = nil
		w.start()
		w.round()
		if left := w.server.Items(); len(left) != 1 || left[0] != strings.ToLower(stranger) {
			t.Errorf("%v are left", left)
		}
	})
}

// Nobody can tell of whom an item is that this publisher has not written.
func TestOthersItemsStay(t *testing.T) {
	bubble(t, 2, func(t *testing.T, w *world) {
		w.server.Put(foldertest.Item{DN: dn(0)})
		w.server.Put(foldertest.Item{DN: dn(1)})
		w.source.fails(0, because(availability.UnknownMailbox))
		w.server.Fail(dn(1), foldertest.Fault{Status: 403})
		w.start()
		w.round()
		w.stop()
		w.recipients.list = nil
		w.server.Fail(dn(1), foldertest.Fault{})
		w.start()
		w.round()
		if len(w.server.Items()) != 2 || w.calls("DELETE") != 0 {
			t.Errorf("%v are left after %d DELETEs", w.server.Items(), w.calls("DELETE"))
		}
	})
}

func TestUnfitRecipients(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *world) {
		w.recipients.list = append(w.recipients.list, publisher.Recipient{Mailbox: "x@fabrikam.com"}, publisher.Recipient{LegacyDN: "/o=Contoso", Mailbox: "y@fabrikam.com"},
			publisher.Recipient{LegacyDN: strings.ToUpper(dn(0)), Mailbox: "twice@fabrikam.com"})
		w.start()
		if r := w.round(); r.Total != 3 || r.Done != 3 || r.Written != 1 || r.Failed[availability.InvalidAddress] != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestNew(t *testing.T) {
	good := newWorld(t, 0).config
	for name, change := range map[string]func(*publisher.Config){
		"no Source":         func(c *publisher.Config) { c.Source = nil },
		"no Recipients":     func(c *publisher.Config) { c.Recipients = nil },
		"no State":          func(c *publisher.Config) { c.State = "" },
		"https://HOST":      func(c *publisher.Config) { c.Root = "ftp://mail/public/" },
		"1 to 36":           func(c *publisher.Config) { c.Months, c.Behind = 36, 1 },
		"second":            func(c *publisher.Config) { c.Every = time.Millisecond },
		"Concurrency":       func(c *publisher.Config) { c.Concurrency = -1 },
		"less than Every":   func(c *publisher.Config) { c.Every = 25 * time.Hour },
		"for contoso: no S": func(c *publisher.Config) { c.State = "" },
	} {
		c := good
		change(&c)
		if _, err := publisher.New(c); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Root = "http://me:secret@mail/public/"
	if _, err := publisher.New(good); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a password in the URL: %v", err)
	}
}

func TestOnePublisherForEachState(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *world) {
		w.start()
		w.round()
		second, err := publisher.New(w.config)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("%v", err)
		}
	})
}

// Somebody else removes items, or puts old ones back.
func TestRewrite(t *testing.T) {
	bubble(t, 30, func(t *testing.T, w *world) {
		w.start()
		w.round()
		for i := range 30 {
			w.server.Put(foldertest.Item{DN: dn(i)})
		}
		time.Sleep(17 * time.Hour)
		if n := w.calls("PROPPATCH"); n != 30 {
			t.Errorf("%d items are written within 17 hours", n)
		}
		time.Sleep(8 * time.Hour)
		for i := range 30 {
			if status(w, i, 9) != availability.Free {
				t.Errorf("user %d is not written anew", i)
			}
		}
	})
}
