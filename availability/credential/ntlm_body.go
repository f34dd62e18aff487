package credential

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"

	"fbgate/availability"
)

const (
	maxRequestBody = 4 << 20  // bytes of a request that cannot be read anew by itself
	maxRefusalBody = 64 << 10 // bytes of a 401, which are read so that its connection stays
)

// replay is a request's body that can be sent again. Its zero value is none.
type replay struct {
	open   func() (io.ReadCloser, error)
	length int64 // -1 if it is not known
}

// replayable returns the request's body so that a handshake can send it as often as
// it needs to, and closes the one r has.
func replayable(r *http.Request) (replay, error) {
	defer closeBody(r)
	if r.Body == nil || r.Body == http.NoBody {
		return replay{}, nil
	}
	if r.GetBody != nil {
		return replay{r.GetBody, r.ContentLength}, nil
	}
	content, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBody+1))
	switch {
	case err != nil:
		return replay{}, fmt.Errorf("reading the request to %s: %w", r.URL.Host, err)
	case len(content) > maxRequestBody:
		return replay{}, availability.Because(availability.Internal, "a request to %s is longer than %d bytes", r.URL.Host, maxRequestBody)
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return replay{open, int64(len(content))}, nil
}

// drain reads a refusal to its end, so that its connection can carry what follows,
// and leaves it to be read again. Of a refusal that is too long only the beginning
// is left, and its connection is lost: whole is false then.
func drain(response *http.Response) (whole bool, err error) {
	content, err := io.ReadAll(io.LimitReader(response.Body, maxRefusalBody+1))
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(content))
	return len(content) <= maxRefusalBody, err
}

// release arranges for end to be called once, when the body of the response has
// been read to its end (whole) or closed before.
func release(response *http.Response, end func(whole bool)) {
	if response.Body == http.NoBody {
		end(true)
		return
	}
	response.Body = &lentBody{ReadCloser: response.Body, end: end}
}

type lentBody struct {
	io.ReadCloser
	once sync.Once
	end  func(whole bool)
}

func (b *lentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(func() { b.end(err == io.EOF) })
	}
	return n, err
}

func (b *lentBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.end(false) })
	return err
}
