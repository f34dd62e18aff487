package face_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/davfb/face"
)

func TestSetFreshness(t *testing.T) {
	now := at.Moment(at.Epoch, 24*time.Hour)
	// answer is one that is so old and expires then.
	answer := func(cached bool, age, ttl time.Duration) availability.Answer {
		return availability.Answer{Organization: "contoso", Cached: cached, Stale: cached && ttl <= 0, At: now.Add(-age), Expires: now.Add(ttl)}
	}
	asked := answer(false, 0, 15*time.Minute)
	fresh := answer(true, time.Minute, 14*time.Minute)
	stale := answer(true, 20*time.Minute, -5*time.Minute)
	just := answer(true, 15*time.Minute, 0)
	nobody := availability.Answer{At: now}
	// suspended was remembered a minute before the machine slept for ten.
	suspended := availability.Answer{Organization: "contoso", Cached: true, At: at.Moment(at.Epoch.Add(-11*time.Minute), 24*time.Hour-time.Minute)}
	suspended.Expires = suspended.At.Add(15 * time.Minute)

	for name, test := range map[string]struct {
		answers     []availability.Answer
		age, status string
	}{
		"nobody asked":                {[]availability.Answer{nobody}, "", ""},
		"asked":                       {[]availability.Answer{asked}, "0", "fbgate; fwd=miss"},
		"remembered":                  {[]availability.Answer{fresh, nobody}, "60", "fbgate; hit; ttl=840"},
		"one of two":                  {[]availability.Answer{fresh, asked}, "60", `fbgate; fwd=partial; detail="1 of 2 attendees remembered"`},
		"stale":                       {[]availability.Answer{stale}, "1200", "fbgate; hit; ttl=-300; detail=stale"},
		"all stale":                   {[]availability.Answer{just, stale, nobody}, "1200", "fbgate; hit; ttl=-300; detail=stale"},
		"stale from now on":           {[]availability.Answer{just}, "900", "fbgate; hit; ttl=-1; detail=stale"},
		"some stale":                  {[]availability.Answer{stale, fresh}, "1200", `fbgate; hit; ttl=-300; detail="1 of 2 attendees stale"`},
		"stale beside one just asked": {[]availability.Answer{stale, fresh, asked}, "1200", `fbgate; fwd=partial; detail="2 of 3 attendees remembered, 1 of them stale"`},
		"after a nap":                 {[]availability.Answer{suspended}, "660", "fbgate; hit; ttl=240"},
	} {
		header := make(http.Header)
		face.SetFreshness(header, test.answers, now)
		if header.Get("Age") != test.age || header.Get("Cache-Status") != test.status || header.Get("Cache-Control") != "private" {
			t.Errorf("%s: Age %q, Cache-Status %q, want %q, %q", name, header.Get("Age"), header.Get("Cache-Status"), test.age, test.status)
		}
	}
}

func TestLogCountsWhatIsStale(t *testing.T) {
	var log strings.Builder
	answers := []availability.Answer{{Cached: true, Stale: true}, {Cached: true}, {}}
	face.LogAnswer(slog.New(slog.NewTextHandler(&log, nil)), httptest.NewRequest("GET", "/", nil), face.Asked{Event: "free/busy", Answers: answers})
	if !strings.Contains(log.String(), "attendees=3 remembered=2 stale=1 ") {
		t.Error(log.String())
	}
}
