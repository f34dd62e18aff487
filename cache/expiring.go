package cache

// expiring is a heap of entries, the one that expires next on top.
type expiring []*entry

func (e expiring) Len() int           { return len(e) }
func (e expiring) Less(i, j int) bool { return e[i].expires.Before(e[j].expires) }

func (e expiring) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = int32(i), int32(j)
}

func (e *expiring) Push(one any) {
	one.(*entry).index = int32(len(*e))
	*e = append(*e, one.(*entry))
}

func (e *expiring) Pop() any {
	last := len(*e) - 1
	one := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return one
}
