package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/cache"
	"fbgate/davfb/admin"
)

// What does not fit on one page is listed whole, in as few requests as can be.
func TestCacheLsGoesOn(t *testing.T) {
	const mailboxes = largestCachePage + 50
	store := cache.NewMemory(mailboxes)
	for i := range mailboxes {
		m := availability.Mailbox(fmt.Sprintf("user%05d@contoso.com", i))
		ttl := time.Hour + time.Duration(i%3)*time.Minute
		store.Set(cache.Key{Mailbox: m}, []availability.Answer{{Mailbox: m, Organization: "contoso", At: time.Now(), Expires: time.Now().Add(ttl)}}, ttl)
	}
	handler := admin.New(admin.Config{Caches: cache.Caches{"contoso": cache.New("contoso", nil, store, cache.Policy{})}})
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	for _, test := range []struct {
		command             cacheLsCommand
		requests, mailboxes int
		says                string
	}{
		{cacheLsCommand{Order: "address"}, 2, mailboxes, "10050 answers of 10050 mailboxes remembered."},
		{cacheLsCommand{Order: "expiry-down"}, 2, mailboxes, "10050 answers of 10050 mailboxes remembered."},
		{cacheLsCommand{Order: "expiry", Limit: largestCachePage + 1}, 2, largestCachePage + 1, "10001 answers of 10050 mailboxes remembered."},
		{cacheLsCommand{Order: "address", Limit: 3, Matching: "user0001"}, 1, 3, "3 answers of 10 mailboxes asked for, of 10050 remembered."},
		{cacheLsCommand{Order: "address", Matching: "nobody"}, 1, 0, "0 answers of 0 mailboxes asked for, of 10050 remembered."},
	} {
		requests = 0
		var out, problems bytes.Buffer
		test.command.Admin = server.URL
		if err := test.command.Run(t.Context(), console{out: &out, err: &problems}); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "user") {
				seen[strings.Fields(line)[0]] = true
			}
		}
		if requests != test.requests || len(seen) != test.mailboxes || !strings.HasSuffix(out.String(), test.says+"\n") {
			t.Errorf("%d requests list %d mailboxes; want %d, %d, %s", requests, len(seen), test.requests, test.mailboxes, test.says)
		}
	}
}
