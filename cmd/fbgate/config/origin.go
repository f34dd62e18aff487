package config

import (
	"fmt"
	"strings"
)

// origin remembers where in a file the values of a Config stand, so that what
// turns out wrong later can still be pointed at.
type origin struct {
	source *source
	places map[string]place // by path: "organizations[0].name"; "" is the whole
}

// fault points at the value of a key, or, if the file does not have it, at the
// section it would belong to. A nil origin knows no places.
func (o *origin) fault(path, problem, instead string) Fault {
	if o == nil {
		return Fault{Path: path, Problem: problem, Instead: instead}
	}
	return o.source.fault(o.nearest(path), path, problem, instead)
}

func (o *origin) nearest(path string) place {
	for {
		if p, ok := o.places[path]; ok || path == "" {
			return p
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

// has reports whether the file has the key.
func (o *origin) has(path string) bool {
	_, ok := o.places[path]
	return ok
}

// line returns where the key stands, to refer to it in a message.
func (o *origin) line(path string) int { return o.nearest(path).line }

// entry returns the path of an entry of a list, which is that of the list itself
// where a single entry was written without one.
func (o *origin) entry(list string, i int) string {
	if path := fmt.Sprintf("%s[%d]", list, i); o == nil || o.has(path) {
		return path
	}
	return list
}
