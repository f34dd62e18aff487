package journal_test

import (
	"fmt"
	"sync"
	"testing"

	"fbgate/availability/journal"
)

func numbers(found []journal.Lookup) string {
	text := ""
	for _, l := range found {
		text += fmt.Sprintf("%d:%s ", l.Number, l.ID)
	}
	return text
}

func TestKeepsTheLast(t *testing.T) {
	j := journal.New(3)
	if found, _ := j.Since(0, nil, 10); len(found) != 0 {
		t.Errorf("an empty journal has %v", found)
	}
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		j.Add(journal.Lookup{ID: id})
	}
	for _, test := range []struct {
		since uint64
		most  int
		fits  func(*journal.Lookup) bool
		want  string
	}{
		{0, 10, nil, "3:c 4:d 5:e "},
		{0, 2, nil, "4:d 5:e "},
		{3, 10, nil, "4:d 5:e "},
		{5, 10, nil, ""},
		{6, 2, nil, "4:d 5:e "},
		{99, 10, nil, "3:c 4:d 5:e "},
		{0, 0, nil, ""},
		{0, 1, func(l *journal.Lookup) bool { return l.ID < "e" }, "4:d "},
	} {
		if found, _ := j.Since(test.since, test.fits, test.most); numbers(found) != test.want {
			t.Errorf("since %d, %d at most: %s, want %s", test.since, test.most, numbers(found), test.want)
		}
	}
}

func TestTellsOfMore(t *testing.T) {
	j := journal.New(10)
	_, more := j.Since(0, nil, 10)
	select {
	case <-more:
		t.Fatal("there is none")
	default:
	}
	j.Add(journal.Lookup{ID: "a"})
	<-more
	found, _ := j.Since(0, nil, 10)
	if numbers(found) != "1:a " {
		t.Error(numbers(found))
	}
}

func TestOfNothing(t *testing.T) {
	var none *journal.Journal
	none.Add(journal.Lookup{})
	if found, _ := none.Since(0, nil, 1); found != nil {
		t.Error(found)
	}
	empty := journal.New(0)
	empty.Add(journal.Lookup{})
	if found, _ := empty.Since(0, nil, 1); found != nil {
		t.Error(found)
	}
}

func TestFromAllSides(t *testing.T) {
	j := journal.New(100)
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 500 {
				j.Add(journal.Lookup{ID: "x"})
				j.Since(0, nil, 20)
			}
		})
	}
	users.Wait()
	if found, _ := j.Since(0, nil, 1000); len(found) != 100 || found[99].Number != 4000 {
		t.Errorf("%d kept", len(found))
	}
}
