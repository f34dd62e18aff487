package forms_test

import (
	"net/http/httptest"
	"testing"

	"fbgate/davfb/login/forms"
)

// What each request of somebody who has logged in costs.
func BenchmarkIdentify(b *testing.B) {
	h, err := forms.New(forms.Config{Check: new(door).check})
	if err != nil {
		b.Fatal(err)
	}
	r := request(b, freeBusy, enter(b, h, "4"))
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := h.Identify(w, r); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
