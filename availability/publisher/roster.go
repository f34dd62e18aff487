package publisher

import (
	"context"
	"math/rand/v2"
	"strings"

	"fbgate/availability"
	"fbgate/translate/folderpath"
)

const (
	// maxRecipients bounds the memory of a round: a recipient takes some 200 bytes.
	maxRecipients = 500_000
	maxRecent     = 10_000
)

// listed is one whose free/busy is published.
type listed struct {
	key     string // the legacyExchangeDN in lower case
	item    folderpath.Path
	mailbox availability.Mailbox
}

// roster are those whose free/busy is published, in the order in which they are seen to.
type roster struct {
	list []listed
	keys map[string]struct{}
	// reason is why there may be more, nil if these are all.
	reason *availability.Reason
	// unfit are those who cannot have an item.
	unfit []Recipient
}

// roster asks who is published.
func (p *Publisher) roster(ctx context.Context) roster {
	r := roster{keys: make(map[string]struct{})}
	for recipient, err := range p.config.Recipients.All(ctx) {
		if err == nil && len(r.list)+len(r.unfit) == maxRecipients {
			err = availability.Because(availability.Internal, "more than %d recipients are to be published", maxRecipients)
		}
		if err != nil {
			r.reason = availability.ReasonFor(err)
			break
		}
		r.add(recipient)
	}
	r.sort(p.recent())
	return r
}

func (r *roster) add(recipient Recipient) {
	item, ok := folderpath.OfDN(recipient.LegacyDN)
	if !ok {
		r.unfit = append(r.unfit, recipient)
		return
	}
	key := strings.ToLower(recipient.LegacyDN)
	if _, twice := r.keys[key]; twice {
		return
	}
	r.keys[key] = struct{}{}
	r.list = append(r.list, listed{key, item, recipient.Mailbox})
}

func (p *Publisher) recent() map[availability.Mailbox]bool {
	recent := make(map[availability.Mailbox]bool)
	if p.config.Recent == nil {
		return recent
	}
	for m := range p.config.Recent() {
		if len(recent) == maxRecent {
			break
		}
		recent[m] = true
	}
	return recent
}

// sort puts the recent ones first. Otherwise the order is another one each time: if rounds
// end early, nobody is always behind those at whom they ended.
func (r *roster) sort(recent map[availability.Mailbox]bool) {
	rand.Shuffle(len(r.list), func(i, j int) { r.list[i], r.list[j] = r.list[j], r.list[i] })
	first := 0
	for i, one := range r.list {
		if recent[one.mailbox] || recent[availability.Mailbox(one.key)] {
			r.list[first], r.list[i] = r.list[i], r.list[first]
			first++
		}
	}
}
