package plan

import (
	"runtime/debug"
	"sync"
)

// atOnce does all tasks at the same time and returns when they are done; a single
// one, as most lookups have, takes no goroutine. A panic of any of them becomes the
// caller's, whose business it is: in a goroutine of its own it would end the program.
func (p *Planner) atOnce(tasks []func()) {
	if len(tasks) == 1 {
		tasks[0]()
		return
	}
	panics := make([]any, len(tasks))
	var all sync.WaitGroup
	for i, task := range tasks {
		all.Go(func() {
			defer func() {
				if panics[i] = recover(); panics[i] != nil {
					p.Log.Error("panic in a lookup", "organization", p.Organization, "panic", panics[i], "stack", string(debug.Stack()))
				}
			}()
			task()
		})
	}
	all.Wait()
	for _, value := range panics {
		if value != nil {
			panic(value)
		}
	}
}
