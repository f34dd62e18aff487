package access

import (
	"hash/maphash"
	"strings"
	"time"

	"fbgate/availability"
)

// client is what is remembered of an address or an account. All times are since the
// start.
type client struct {
	asked    time.Duration // when its bucket of mailboxes is full again
	unknown  time.Duration // when its bucket of unknown addresses is
	reported time.Duration // until when nothing is reported of it again
	count    int           // unknown addresses since that bucket was full
}

// idle returns from when on nothing is lost if c is forgotten.
func (c *client) idle() time.Duration { return max(c.asked, c.unknown, c.reported) }

// key stands for an address or account. Two may have the same by chance, and then share
// their buckets; nobody can bring that about. Keys of accounts are odd, those of addresses
// even.
type key uint64

// keys are those of whoever asks: one for the address, and one for the account, if there
// is any.
type keys struct {
	all [2]key
	n   int
}

func (k *keys) list() []key { return k.all[:k.n] }

// clients remembers a bounded number of clients.
type clients struct {
	seed maphash.Seed
	most int
	of   map[key]*client
}

// keys returns those of a requester. An address stands for all of its host: for IPv6 that
// is the network of 64 bits, of which each host may take any address (RFC 8981). An
// account is the same however its name is spelt, if its mailbox is known.
func (c *clients) keys(who availability.Requester) (k keys) {
	address := plain(who.Address)
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			address = network.Addr()
		}
	}
	bytes := address.As16()
	k.all[0], k.n = key(maphash.Bytes(c.seed, bytes[:]))&^1, 1
	account := string(who.Mailbox)
	if account == "" {
		account = strings.ToLower(who.Name)
	}
	if account != "" {
		k.all[1], k.n = key(maphash.String(c.seed, account))|1, 2
	}
	return k
}

// looked is how many clients are looked at when one comes that is not remembered.
const looked = 16

// find returns the client of a key, a new one if none is remembered.
func (c *clients) find(k key) *client {
	if one := c.of[k]; one != nil {
		return one
	}
	return new(client)
}

// keep remembers one that find returned. With each new one some are looked at, in no
// order, as a map has none: those whose buckets are full are forgotten, as a new one would
// be the same; if that makes no room, so is the one whose buckets will be full first.
func (c *clients) keep(k key, one *client, now time.Duration) {
	if c.of[k] != one {
		c.tidy(now)
		c.of[k] = one
	}
}

func (c *clients) tidy(now time.Duration) {
	var fullest key
	var until time.Duration
	n := 0
	for k, one := range c.of {
		idle := one.idle()
		if n == 0 || idle < until {
			fullest, until = k, idle
		}
		if idle <= now {
			delete(c.of, k)
		}
		if n++; n == looked {
			break
		}
	}
	if len(c.of) >= c.most {
		delete(c.of, fullest)
	}
}
