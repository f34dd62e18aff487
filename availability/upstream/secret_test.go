package upstream_test

import (
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// What a server repeats of the proof is nobody's business.
func TestClean(t *testing.T) {
	c := &upstream.Client{Secrets: func() []string { return []string{"Sup3rS3cret", "TEFC", "abc", ""} }}
	reason := &availability.Reason{Code: availability.UpstreamFailure, Detail: `bad Basic TEFC: LAB\svc:Sup3rS3cret, Sup3rS3cret; abc`, Scope: availability.OfCall}
	clean := c.Clean(reason)
	if want := `bad Basic ***: LAB\svc:***, ***; abc`; clean.Detail != want || clean.Code != reason.Code || clean.Scope != reason.Scope {
		t.Errorf("%+v, want %q", clean, want)
	}
	if !strings.Contains(reason.Detail, "Sup3rS3cret") {
		t.Error("the reason itself was changed, which others may hold")
	}
	if c.Clean(nil) != nil || (&upstream.Client{}).Clean(reason) != reason {
		t.Error("nothing to clean")
	}
}
