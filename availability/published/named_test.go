package published_test

import (
	"context"
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
	named := published.Named{Store: store, Names: func(_ context.Context, m availability.Mailbox) []availability.Mailbox {
		if m == "/o=contoso/cn=mary" {
			return []availability.Mailbox{"mary@contoso.com", "", m}
		}
		return nil
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
	if had, err := named.Withdraw(t.Context(), "/o=contoso/cn=mary"); !had || err != nil || store.Len() != 0 {
		t.Errorf("%v, %v, %d left", had, err, store.Len())
	}
	if had, err := named.Withdraw(t.Context(), "/o=contoso/cn=mary"); had || err != nil {
		t.Errorf("a second time: %v, %v", had, err)
	}
}
