package ews

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/ews"
)

// call asks the server once and returns whom it asked and a Result for each
// mailbox.
func (s *Source) call(ctx context.Context, q availability.Query) (url string, results []ews.Result) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.ErrorContext(ctx, "panic in a lookup", "request_id", q.RequestID, "panic", p, "stack", string(debug.Stack()))
			results = failed(len(q.Mailboxes), availability.Because(availability.Internal, "panic: %v", p))
		}
	}()
	begun := time.Now()
	url, err := s.Endpoint.URL(ctx, q, q.Mailboxes[0])
	var reply ews.Reply
	if err == nil {
		reply, err = s.exchange(ctx, q, url)
	}
	if err != nil {
		err = s.Client.Clean(availability.ReasonFor(err))
	}
	s.log(ctx, q, url, reply, err, time.Since(begun))
	if err != nil {
		return url, failed(len(q.Mailboxes), availability.ReasonFor(err))
	}
	for i := range reply.Results {
		reply.Results[i].Reason = s.Client.Clean(reply.Results[i].Reason)
	}
	return url, reply.Results
}

func failed(mailboxes int, reason *availability.Reason) []ews.Result {
	results := make([]ews.Result, mailboxes)
	for i := range results {
		results[i].Reason = reason
	}
	return results
}

// exchange sends the request and reads the reply. Its error is a
// *availability.Reason.
func (s *Source) exchange(ctx context.Context, q availability.Query, url string) (ews.Reply, error) {
	request := ews.Request{
		ServerVersion: s.ServerVersion,
		Impersonate:   s.Impersonate,
		Mailboxes:     q.Mailboxes,
		Window:        q.Window,
		Interval:      s.Interval,
		View:          s.View,
		Digit4:        s.Digit4,
	}
	http, err := s.send(ctx, q, url, request)
	if err != nil {
		s.judge(url, err)
		return ews.Reply{}, err
	}
	reply, err := s.read(http, request)
	if err != nil {
		s.judge(url, err)
	}
	return reply, err
}

func (s *Source) send(ctx context.Context, q availability.Query, url string, request ews.Request) (*upstream.Reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(request.Append(nil)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", ews.ContentType)
	r.Header.Set("SOAPAction", ews.SOAPAction)
	r.Header.Set("Accept", "text/xml")
	if s.Impersonate != "" {
		r.Header.Set("X-AnchorMailbox", string(s.Impersonate)) // sends the call to the right back end at once
	}
	return s.Client.Do(q, r)
}

// read parses the reply: 200 has one, and 500 usually a SOAP fault.
func (s *Source) read(http *upstream.Reply, request ews.Request) (ews.Reply, error) {
	if refusal := http.Refusal(); refusal != nil && http.Status != 500 {
		return ews.Reply{}, refusal
	}
	if http.IsHTML() && http.Status == 200 {
		reason := availability.Because(availability.BadResponse, "an HTML page instead of a SOAP reply from %s", http.URL)
		reason.Scope = availability.OfServer
		return ews.Reply{}, reason
	}
	reply, err := request.ParseReply(http.Body)
	if err == nil {
		return reply, nil
	}
	reason := availability.ReasonFor(err)
	if http.Status == 500 && reason.Code == availability.BadResponse {
		// IIS itself failed; there is no fault to read.
		refusal := http.Refusal()
		refusal.Detail = "HTTP 500 without a SOAP fault from " + http.URL.Redacted() + ": " + reason.Detail
		return reply, refusal
	}
	return reply, reason
}

// judge tells the endpoint if the failure puts in doubt that EWS is there.
func (s *Source) judge(url string, err error) {
	switch availability.ReasonFor(err).Code {
	case availability.Unreachable, availability.TLS, availability.WrongEndpoint, availability.Timeout:
		s.Endpoint.Failed(url)
	}
}

func (s *Source) log(ctx context.Context, q availability.Query, url string, reply ews.Reply, err error, took time.Duration) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("request_id", q.RequestID),
		slog.String("organization", s.Organization),
		slog.String("url", url),
		slog.Int("mailboxes", len(q.Mailboxes)),
		slog.Time("start", q.Window.Start),
		slog.Time("end", q.Window.End),
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
