package admin

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/cache"
)

// Order is a way to sort what is remembered.
type Order struct {
	Name string // as requests have it
	Text string // for people

	byExpiry, descending bool
}

// orders are those there are; the first is usual.
var orders = []Order{
	{"address", "address, a to z", false, false},
	{"address-down", "address, z to a", false, true},
	{"expiry", "forgotten first", true, false},
	{"expiry-down", "forgotten last", true, true},
}

// Orders returns those there are. The first is the usual one.
func Orders() []Order { return slices.Clone(orders) }

// Listing reads which mailboxes are to be listed: those with "matching" in their address,
// of an "organization", in an "order", all or those after the place "next". Whatever is not
// given is not asked for. The error says which of them is not understood.
func Listing(query url.Values) (l cache.Listing, err error) {
	l = cache.Listing{Matching: strings.ToLower(strings.TrimSpace(query.Get("matching"))), Organization: query.Get("organization")}
	name := cmp.Or(query.Get("order"), orders[0].Name)
	i := slices.IndexFunc(orders, func(o Order) bool { return o.Name == name })
	if i < 0 {
		return l, fmt.Errorf("order is %.40q: expected address, address-down, expiry or expiry-down", name)
	}
	l.ByExpiry, l.Descending = orders[i].byExpiry, orders[i].descending
	if place := query.Get("next"); place != "" {
		if l.After, err = readPlace(place); err != nil {
			return l, errors.New("next is not one that came with a page; begin without it")
		}
	}
	return l, nil
}

// Place writes where a row stands in any order, so that a list can be gone on with behind
// it, whether it is there still or not.
func Place(row *cache.Row) string {
	// Mailboxes are strangers' bytes, which JSON would not return as they are.
	values := url.Values{"mailbox": {string(row.Mailbox)}, "organization": {row.Organization}, "expires": {strconv.FormatInt(row.Expires.UnixNano(), 10)}}
	if row.For != "" {
		values.Set("for", row.For)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(values.Encode()))
}

func readPlace(text string) (*cache.Row, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(decoded))
	if err != nil {
		return nil, err
	}
	expires, err := strconv.ParseInt(values.Get("expires"), 10, 64)
	if err != nil {
		return nil, err
	}
	return &cache.Row{
		Mailbox: availability.Mailbox(values.Get("mailbox")), Organization: values.Get("organization"), For: values.Get("for"), Expires: time.Unix(0, expires),
	}, nil
}
