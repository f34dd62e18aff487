package cache

// places has each entry at a place that it keeps as long as it is stored. In the heap they
// move about, so that who looked at some now and at others later would miss some of them.
type places struct {
	entries []*entry // nil where there is none
	free    []int32  // places without one
}

// add gives e a place. That is the one freed last: who takes out an entry and adds another
// of the same key has it where the first one was.
func (p *places) add(e *entry) {
	if last := len(p.free) - 1; last >= 0 {
		e.place, p.free = p.free[last], p.free[:last]
		p.entries[e.place] = e
		return
	}
	e.place = int32(len(p.entries))
	p.entries = append(p.entries, e)
}

func (p *places) remove(e *entry) {
	p.entries[e.place] = nil
	p.free = append(p.free, e.place)
}
