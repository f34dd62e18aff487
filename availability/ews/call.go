package ews

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/translate/ews"
)

// call asks the server once and returns a Result for each mailbox.
func (s *Source) call(ctx context.Context, requestID string, mailboxes []availability.Mailbox, window availability.Window) (results []ews.Result) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.ErrorContext(ctx, "panic in a lookup", "request_id", requestID, "panic", p, "stack", string(debug.Stack()))
			results = failed(len(mailboxes), availability.Because(availability.Internal, "panic: %v", p))
		}
	}()
	request := ews.Request{
		ServerVersion: s.ServerVersion,
		Mailboxes:     mailboxes,
		Window:        window,
		Interval:      s.Interval,
		View:          s.View,
		Digit4:        s.Digit4,
	}
	start := time.Now()
	reply, err := s.exchange(ctx, requestID, request)
	s.log(ctx, requestID, request, reply, err, time.Since(start))
	if err == nil {
		return reply.Results
	}
	return failed(len(mailboxes), availability.ReasonFor(err))
}

func failed(mailboxes int, reason *availability.Reason) []ews.Result {
	results := make([]ews.Result, mailboxes)
	for i := range results {
		results[i].Reason = reason
	}
	return results
}

// exchange waits for a free slot, sends the request and reads the reply. Its
// error is a *availability.Reason.
func (s *Source) exchange(ctx context.Context, requestID string, request ews.Request) (ews.Reply, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.Timeout,
		availability.Because(availability.Timeout, "no complete reply from %s within %v", s.URL, s.Timeout))
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ews.Reply{}, availability.Because(availability.Timeout, "no call to %s could begin: %d were under way", s.URL, s.Concurrency)
	}
	response, err := s.send(ctx, requestID, request)
	if err != nil {
		return ews.Reply{}, transportReason(ctx, err)
	}
	defer response.Body.Close()
	if err := refusal(response); err != nil {
		if 0 <= response.ContentLength && response.ContentLength <= 64<<10 {
			_, _ = io.Copy(io.Discard, response.Body) // lets the connection be used again
		}
		return ews.Reply{}, err
	}
	body, err := s.read(ctx, response)
	if err != nil {
		return ews.Reply{}, err
	}
	reply, err := request.ParseReply(body)
	if err != nil && response.StatusCode == http.StatusInternalServerError {
		if reason := availability.ReasonFor(err); reason.Code == availability.BadResponse {
			// IIS itself failed; there is no fault to read.
			return reply, availability.Because(availability.UpstreamFailure, "HTTP 500 without a SOAP fault from %s: %s", s.URL, reason.Detail)
		}
	}
	return reply, err
}

func (s *Source) send(ctx context.Context, requestID string, request ews.Request) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(request.Append(nil)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", ews.ContentType)
	r.Header.Set("SOAPAction", ews.SOAPAction)
	r.Header.Set("Accept", "text/xml")
	r.Header.Set("User-Agent", s.UserAgent)
	if requestID != "" {
		// Exchange writes it into its own log, and returns it when asked to.
		r.Header.Set("client-request-id", requestID)
		r.Header.Set("return-client-request-id", "true")
	}
	return s.client.Do(r)
}

// read returns the body, which is a SOAP envelope or what came instead of one.
func (s *Source) read(ctx context.Context, response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, s.MaxResponse+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, availability.Because(availability.BadResponse, "the reply of %s was cut short after %d bytes", s.URL, len(body))
	case err != nil:
		return nil, transportReason(ctx, err)
	case int64(len(body)) > s.MaxResponse:
		return nil, availability.Because(availability.BadResponse, "the reply of %s is longer than %d bytes", s.URL, s.MaxResponse)
	}
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "text/html" && response.StatusCode == http.StatusOK {
		return nil, availability.Because(availability.BadResponse, "an HTML page instead of a SOAP reply from %s", s.URL)
	}
	return body, nil
}

// refusal returns why a response cannot hold a reply, judged by its status: 200
// has a reply and 500 usually a SOAP fault.
func refusal(response *http.Response) error {
	status := fmt.Sprintf("HTTP %d from %s", response.StatusCode, response.Request.URL)
	because := func(code availability.Code) *availability.Reason {
		return &availability.Reason{Code: code, Detail: status, RetryAfter: retryAfter(response.Header.Get("Retry-After"))}
	}
	switch code := response.StatusCode; {
	case code == http.StatusOK, code == http.StatusInternalServerError:
		return nil
	case code == http.StatusUnauthorized, code == statusLoginTimeout:
		status += offered(response.Header)
		return because(availability.Unauthorized)
	case code == http.StatusForbidden:
		return because(availability.Forbidden)
	case code >= 300 && code < 400:
		status += fmt.Sprintf(", a redirect to %.200q", response.Header.Get("Location"))
		return because(availability.WrongEndpoint)
	case code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusGone,
		code == http.StatusBadRequest, code == http.StatusUnsupportedMediaType: // EWS refuses by a SOAP fault
		return because(availability.WrongEndpoint)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
		return because(availability.Throttled)
	case code == http.StatusRequestEntityTooLarge:
		return because(availability.RequestRejected)
	case code == http.StatusGatewayTimeout:
		return because(availability.Timeout)
	case code > 500:
		return because(availability.UpstreamFailure)
	default:
		return because(availability.BadResponse)
	}
}

// offered says which kinds of log-in a server takes, as far as it tells: with an
// account that is right, Basic may be missing among them.
func offered(header http.Header) string {
	var schemes []string
	for _, challenge := range header.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(challenge, " ")
		schemes = append(schemes, fmt.Sprintf("%.20s", scheme))
	}
	if len(schemes) == 0 {
		return ""
	}
	return "; the server takes " + strings.Join(schemes[:min(len(schemes), 5)], ", ")
}

// statusLoginTimeout is what Exchange's forms-based authentication answers to those
// who have no cookie.
const statusLoginTimeout = 440

// retryAfter reads the header of that name, seconds or a date, as at most a day.
func retryAfter(header string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), day)
}

func (s *Source) log(ctx context.Context, requestID string, request ews.Request, reply ews.Reply, err error, took time.Duration) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("request_id", requestID),
		slog.String("organization", s.Organization),
		slog.String("url", s.URL),
		slog.Int("mailboxes", len(request.Mailboxes)),
		slog.Time("start", request.Window.Start),
		slog.Time("end", request.Window.End),
		slog.Duration("took", took),
	}
	if reply.ServerVersion != "" {
		attributes = append(attributes, slog.String("server_version", reply.ServerVersion))
	}
	if err != nil {
		reason := availability.ReasonFor(err)
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("reason", string(reason.Code)), slog.String("detail", reason.Detail), slog.String("remedy", reason.Remedy()))
	}
	s.Log.LogAttrs(ctx, level, "GetUserAvailability", attributes...)
}
