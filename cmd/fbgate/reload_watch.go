package main

import (
	"crypto/sha256"
	"os"
	"time"
)

// watchEvery is how often the configuration's file is looked at.
const watchEvery = 3 * time.Second

// watcher finds out whether a file has new content.
type watcher struct {
	file    string
	seen    fileState
	content [sha256.Size]byte // that was in force, or refused
	writing bool              // it has changed since, and may still
}

// fileState tells whether a file may have changed.
type fileState struct {
	modified time.Time
	size     int64
}

func watch(file string) *watcher {
	w := &watcher{file: file}
	w.seen, _ = w.stat()
	w.content, _ = w.read()
	return w
}

func (w *watcher) stat() (fileState, error) {
	info, err := os.Stat(w.file)
	if err != nil {
		return fileState{}, err
	}
	return fileState{info.ModTime(), info.Size()}, nil
}

func (w *watcher) read() (sum [sha256.Size]byte, err error) {
	content, err := os.ReadFile(w.file)
	if err != nil {
		return sum, err
	}
	return sha256.Sum256(content), nil
}

// changed reports, once, that the file has other content than before, and that nobody
// has written into it since the last look. A file that is gone has not: it is being
// replaced, or will be missed at the next start.
func (w *watcher) changed() bool {
	state, err := w.stat()
	if err != nil {
		return false
	}
	if state != w.seen {
		w.seen, w.writing = state, true
		return false
	}
	if !w.writing {
		return false
	}
	content, err := w.read()
	if err != nil {
		return false
	}
	w.writing = false
	if content == w.content {
		return false
	}
	w.content = content
	return true
}
