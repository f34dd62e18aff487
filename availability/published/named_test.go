package published_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/published"
)

func TestNamed(t *testing.T) {
	store, err := published.Open(filepath.Join(t.TempDir(), "published.db"), published.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	away := false
	named := published.Named{Store: store, Names: func(_ context.Context, m availability.Mailbox) ([]availability.Mailbox, error) {
		switch {
		case away:
			return nil, errors.New("the directory is down")
		case m == "bob@contoso.com":
			return nil, nil
		}
		return []availability.Mailbox{"mary@contoso.com", "", "/o=contoso/cn=mary", "mary@contoso.com"}, nil
	}}
	day := availability.Window{Start: at.Epoch, End: at.Epoch.Add(24 * time.Hour)}
	publication := availability.Publication{
		Mailbox: "/o=contoso/cn=mary", Schedule: availability.NewSchedule(day, 0, nil), By: "zimbra",
		At: time.Now(), Expires: time.Now().Add(time.Hour),
	}
	if err := named.Publish(t.Context(), publication); err != nil {
		t.Fatal(err)
	}
	for _, name := range []availability.Mailbox{"/o=contoso/cn=mary", "mary@contoso.com"} {
		if p, ok, err := store.Get(t.Context(), name); err != nil || !ok || p.Mailbox != name || p.By != "zimbra" {
			t.Errorf("%s: %+v, %v, %v", name, p, ok, err)
		}
	}
	// A secondary address is no name to keep anything under: whoever asks about it asks
	// the directory first.
	if err := store.Publish(t.Context(), with(publication, "m.smith@contoso.com")); err != nil {
		t.Fatal(err)
	}
	if err := named.Publish(t.Context(), with(publication, "m.smith@contoso.com")); err != nil || store.Len() != 2 {
		t.Errorf("%v, %d kept", err, store.Len())
	}
	away = true
	if err := named.Publish(t.Context(), publication); err == nil {
		t.Error("published under one name only")
	}
	if had, err := named.Withdraw(t.Context(), "mary@contoso.com"); had || err == nil || store.Len() != 2 {
		t.Errorf("withdrawn under one name only: %v, %v, %d left", had, err, store.Len())
	}
	away = false
	if err := named.Publish(t.Context(), with(publication, "bob@contoso.com")); err != nil || store.Len() != 3 {
		t.Errorf("unknown to the directory: %v, %d kept", err, store.Len())
	}
	if had, err := named.Withdraw(t.Context(), "bob@contoso.com"); !had || err != nil {
		t.Errorf("unknown to the directory: %v, %v", had, err)
	}
	if had, err := named.Withdraw(t.Context(), "m.smith@contoso.com"); !had || err != nil || store.Len() != 0 {
		t.Errorf("%v, %v, %d left", had, err, store.Len())
	}
	if had, err := named.Withdraw(t.Context(), "/o=contoso/cn=mary"); had || err != nil {
		t.Errorf("a second time: %v, %v", had, err)
	}
}

func with(p availability.Publication, m availability.Mailbox) availability.Publication {
	p.Mailbox = m
	return p
}
