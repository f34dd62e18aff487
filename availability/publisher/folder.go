package publisher

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/davupdate"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

// folder makes the calls.
type folder struct {
	root   *url.URL
	client upstream.Client
}

func newFolder(root *url.URL, c *upstream.Client) folder {
	f := folder{root: root}
	if c != nil {
		f.client = *c
	}
	f.client.UserAgent = cmp.Or(f.client.UserAgent, DefaultUserAgent)
	f.client.Transport = wholeReplies{f.client.Transport}
	return f
}

// failure is a call that did not do what it should.
type failure struct {
	*availability.Reason
	// untouched is set if the server said that the item is as it was.
	untouched bool
}

// write makes the item say what the record says.
func (f folder) write(ctx context.Context, id string, item folderpath.Path, r proptag.Record) *failure {
	body := davupdate.Append(nil, item, r, time.Now())
	reply, failed := f.do(ctx, id, "PROPPATCH", item, body)
	if failed != nil {
		return failed
	}
	if reply.Status != http.StatusMultiStatus {
		return &failure{Reason: refusal(reply), untouched: reply.Status >= 400 && reply.Status < 500}
	}
	err := davupdate.ReadReply(reply.Body)
	var property *davupdate.PropertyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &property):
		return &failure{Reason: availability.Because(availability.RequestRejected, "%s at %s", property, reply.URL)}
	default:
		return &failure{Reason: server(availability.BadResponse, "the reply of %s: %.200s", reply.URL, err)}
	}
}

// remove removes the item. One that is not there is as good.
func (f folder) remove(ctx context.Context, id string, item folderpath.Path) *failure {
	reply, failed := f.do(ctx, id, http.MethodDelete, item, nil)
	if failed != nil {
		return failed
	}
	switch reply.Status {
	case http.StatusNoContent, http.StatusNotFound, http.StatusGone:
		return nil
	case http.StatusOK:
		if !isLogin(reply) {
			return nil
		}
	}
	return &failure{Reason: refusal(reply)}
}

// do makes one call.
func (f folder) do(ctx context.Context, id, method string, item folderpath.Path, body []byte) (*upstream.Reply, *failure) {
	target := f.root.String() + strings.TrimPrefix(item.Escaped(), "/public/")
	r, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, &failure{Reason: availability.Because(availability.InvalidAddress, "%.300s", err), untouched: true}
	}
	r.Header.Set("Accept", "*/*")
	r.Header.Set("Translate", "f") // to WebDAV, not to the item as a web page
	if body != nil {
		r.Header.Set("Content-Type", "text/xml")
	}
	reply, err := f.client.Do(availability.Query{RequestID: id}, r)
	if err != nil {
		return nil, &failure{Reason: availability.ReasonFor(err)}
	}
	return reply, nil
}

// refusal returns why nothing was done, of a reply whose status is not the one expected.
func refusal(reply *upstream.Reply) *availability.Reason {
	reason := reply.Refusal()
	if reason == nil || reply.Status < 300 {
		reason = server(availability.BadResponse, "HTTP %d from %s, as if it were no WebDAV server: most likely a web page", reply.Status, reply.URL)
	}
	if reply.Status == upstream.StatusLoginTimeout || reply.Status == http.StatusOK && isLogin(reply) {
		return server(availability.Unauthorized, "HTTP %d from %s: forms-based authentication stands in front of it; name the URL of a server or virtual directory without it", reply.Status, reply.URL)
	}
	switch reply.Status {
	case http.StatusForbidden:
		reason.Detail += ": may the account create and edit all items of the folder, and is WebDAV allowed?"
	case http.StatusNotFound, http.StatusConflict:
		reason.Code, reason.Again = availability.WrongEndpoint, false
		reason.Detail += ": is there a folder EX: for this administrative group, with a replica on this server, and is WebDAV allowed?"
	case http.StatusLocked:
		reason.Code, reason.Scope = availability.UpstreamFailure, availability.OfMailbox
		reason.Detail += ": the item is locked"
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusFailedDependency:
		reason.Code, reason.Scope = availability.RequestRejected, availability.OfMailbox
	}
	return reason
}

func isLogin(reply *upstream.Reply) bool {
	return upstream.IsLogin(string(reply.Body[:min(len(reply.Body), 64<<10)]))
}

// server is a Reason that other calls to the server would have, too.
func server(code availability.Code, format string, args ...any) *availability.Reason {
	reason := availability.Because(code, format, args...)
	reason.Scope = availability.OfServer
	return reason
}

// maxReply is how long a reply may be, in bytes. One to a PROPPATCH has about 2,000.
const maxReply = 64 << 10

// wholeReplies reads replies with status 207 that come without their length, as upstream
// reads a body of unknown length only if the status is 200 or 500.
type wholeReplies struct{ next http.RoundTripper }

func (t wholeReplies) RoundTrip(r *http.Request) (*http.Response, error) {
	next := t.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusMultiStatus || response.ContentLength >= 0 {
		return response, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, err
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, nil
}
