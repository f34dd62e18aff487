package main

import (
	"crypto/sha256"
	"os"
	"time"
)

// watchEvery is how often the configuration's file is looked at.
const watchEvery = 3 * time.Second

// watcher finds out whether a file has new content, or has gone.
type watcher struct {
	file    string
	seen    fileState
	content [sha256.Size]byte // that was in force, or refused; zero if there was none to be read
	writing bool              // it has changed since, and may still
	missed  int               // how many looks in a row it could not be read
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

// stat fails, too, if the file is there and cannot be opened.
func (w *watcher) stat() (fileState, error) {
	info, err := os.Stat(w.file)
	if err != nil {
		return fileState{}, err
	}
	if info.Mode().IsRegular() { // others may take for ever
		file, err := os.Open(w.file)
		if err != nil {
			return fileState{}, err
		}
		file.Close()
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
// has written into it since the last look; or that it cannot be read at a second look in a
// row, as at one it may just be being replaced. Once it can be read again, it has changed.
func (w *watcher) changed() bool {
	state, err := w.stat()
	switch {
	case err != nil:
		return w.miss()
	case state != w.seen:
		w.seen, w.writing = state, true
		w.found()
		return false
	case !w.writing:
		w.found()
		return false
	}
	content, err := w.read()
	if err != nil {
		return w.miss()
	}
	w.writing, w.missed = false, 0
	if content == w.content {
		return false
	}
	w.content = content
	return true
}

// miss is a look at which the file cannot be read. It reports whether that is news.
func (w *watcher) miss() bool {
	if w.missed++; w.missed != mostMissed {
		return false
	}
	w.seen, w.content = fileState{}, [sha256.Size]byte{}
	return true
}

// mostMissed is at how many looks in a row a file is gone.
const mostMissed = 2

// found is a look at which the file is there. What has been reported stays until it has been
// read, as a folder, say, is there and cannot be.
func (w *watcher) found() {
	if w.missed < mostMissed {
		w.missed = 0
	}
}

// look reloads if the file of the configuration has changed, and is to be watched.
func (s *server) look(file *watcher) {
	if file.changed() && s.config().WatchConfig {
		s.reloadFor("watch_config")
	}
}
