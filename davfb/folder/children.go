package folder

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"fbgate/davfb/face"
	"fbgate/translate/folderpath"
)

const (
	// pageSize is how many recipients are asked for at a time.
	pageSize = 500
	// maxRecipients bounds how far a directory is read in one request.
	maxRecipients = 1 << 20
	// listTime is how long a list may take, waiting for its turn included.
	listTime = time.Minute
	// maxGroups is how many administrative groups are listed.
	maxGroups = 1000
)

// takeTurn waits until this list may be drawn.
func (v *visit) takeTurn(ctx context.Context) (err error) {
	v.turn, err = v.turns.Take(ctx)
	return err
}

// children yields what is in a folder. It ends with the first error.
func (v *visit) children(ctx context.Context, p folderpath.Path) iter.Seq2[folderpath.Path, error] {
	return func(yield func(folderpath.Path, error) bool) {
		switch {
		case p.User != "":
		case !p.Folder:
			yield(folderpath.Path{Folder: true}, nil)
		case p.Group == "":
			v.groups(ctx, yield)
		default:
			for q, err := range v.recipients(ctx) {
				if (err != nil || p.Holds(q)) && !yield(q, err) {
					return
				}
			}
		}
	}
}

// groups yields the folder of each administrative group that somebody is in.
func (v *visit) groups(ctx context.Context, yield func(folderpath.Path, error) bool) {
	seen := make(map[string]bool)
	for q, err := range v.recipients(ctx) {
		key := strings.ToLower(q.Group)
		if err == nil && seen[key] {
			continue
		}
		if len(seen) == maxGroups {
			err = &face.Refusal{Status: http.StatusInsufficientStorage, Text: fmt.Sprintf("There are more than %d groups here.", maxGroups)}
		}
		seen[key] = true
		if !yield(q.Parent(), err) || err != nil {
			return
		}
	}
}

// recipients yields the messages of all recipients whoever asks may see. Those whose legacyExchangeDN has no
// path are left out.
func (v *visit) recipients(ctx context.Context) iter.Seq2[folderpath.Path, error] {
	return func(yield func(folderpath.Path, error) bool) {
		if v.Recipients == nil {
			return
		}
		who := face.Requester(v.r)
		var last Recipient
		for range maxRecipients / pageSize {
			page, more, err := v.Recipients.Recipients(ctx, who, last.Mailbox(), pageSize)
			if ctx.Err() != nil { // the client has left, or it is listTime
				yield(folderpath.Path{}, &face.Refusal{Status: http.StatusServiceUnavailable, Text: "To list the folder takes too long.", RetryAfter: again})
				return
			}
			if err != nil {
				v.Log.ErrorContext(ctx, "recipients could not be listed", "error", err)
				yield(folderpath.Path{}, &face.Refusal{Status: http.StatusServiceUnavailable, Text: "The folder cannot be listed at the moment.", RetryAfter: again})
				return
			}
			for _, r := range page {
				if p, ok := folderpath.OfDN(r.LegacyDN); ok && !yield(p, nil) {
					return
				}
			}
			if !more || len(page) == 0 {
				return
			}
			last = page[len(page)-1]
		}
		yield(folderpath.Path{}, &face.Refusal{Status: http.StatusInsufficientStorage, Text: fmt.Sprintf("There are more than %d recipients.", maxRecipients)})
	}
}
