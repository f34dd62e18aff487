//go:build !race

package davfb_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestCachedAnswerAllocatesLittle(t *testing.T) {
	handler, target := remembered(t)
	request := httptest.NewRequest(http.MethodGet, target, nil)
	w := discard{make(http.Header)}
	n := testing.AllocsPerRun(200, func() { handler.ServeHTTP(w, request) })
	t.Logf("%v allocations", n)
	if n > 60 {
		t.Errorf("%v allocations, want at most 60", n)
	}
}
