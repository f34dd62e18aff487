package face_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/face"
)

// slowly takes a second for each write.
type slowly struct {
	bytes.Buffer
	err error
}

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	if s.err != nil {
		return 0, s.err
	}
	return s.Buffer.Write(p)
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := make(face.Turns, 1)
		begun := time.Now()
		expect := func(what string, want time.Duration) {
			t.Helper()
			if took := time.Since(begun); took != want {
				t.Errorf("%s: after %v, want %v", what, took, want)
			}
		}
		first, err := turns.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var refusal *face.Refusal
		if _, err := turns.Take(ctx); !errors.As(err, &refusal) || refusal.Status != 503 {
			t.Errorf("a second one: %v", err)
		}
		expect("the second one", time.Second)

		// While it is written, somebody else has the turn.
		other := make(chan face.Turn)
		go func() {
			turn, _ := turns.Take(t.Context())
			expect("the other one", time.Second)
			time.Sleep(3 * time.Second)
			turn.Give()
			turn.Give() // once is enough
			close(other)
		}()
		var w slowly
		if n, err := first.Write(t.Context(), &w, []byte("hello")); n != 5 || err != nil || w.String() != "hello" {
			t.Errorf("%d, %v: %q", n, err, w.String())
		}
		<-other
		expect("it is its turn again", 4*time.Second)
		w.err = errors.New("nobody reads")
		if _, err := first.Write(t.Context(), &w, nil); err != w.err || len(turns) != 0 {
			t.Errorf("%v, %d turns are taken", err, len(turns))
		}
		first.Give()
		var none face.Turn
		if w.err = nil; len(turns) != 0 {
			t.Errorf("%d turns are taken", len(turns))
		}
		if _, err := none.Write(t.Context(), &w, nil); err != nil {
			t.Error(err)
		}
		none.Give()
	})
}
