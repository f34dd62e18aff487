package folder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"fbgate/davfb/face"
	"fbgate/translate/folderpath"

	"github.com/emersion/go-webdav"
)

// tree is the folder as a file system of the library, which only reads.
type tree struct {
	v *visit
	// message is one that was asked for already; it may be nil.
	message *message
}

var _ webdav.FileSystem = (*tree)(nil)

// Stat tells what a path is.
func (t *tree) Stat(ctx context.Context, name string) (*webdav.FileInfo, error) {
	p, err := folderpath.ParseUnescaped(name)
	if err != nil {
		return nil, webdav.NewHTTPError(http.StatusNotFound, err)
	}
	info := t.info(p)
	if p.User != "" {
		m, err := t.read(ctx, p)
		if err != nil {
			return nil, err
		}
		info.ModTime = m.at()
	}
	return info, nil
}

// ReadDir lists a folder: itself, as the library answers what is returned here and no
// more, and what is in it.
func (t *tree) ReadDir(ctx context.Context, name string, recursive bool) ([]webdav.FileInfo, error) {
	p, err := folderpath.ParseUnescaped(name)
	if err != nil {
		return nil, webdav.NewHTTPError(http.StatusNotFound, err)
	}
	if recursive {
		return nil, webdav.NewHTTPError(http.StatusForbidden, finiteDepth{})
	}
	all := []webdav.FileInfo{*t.info(p)}
	for q, err := range t.v.children(ctx, p) {
		if err != nil {
			return nil, err
		}
		if all = append(all, *t.info(q)); len(all) > pageSize {
			return nil, webdav.NewHTTPError(http.StatusInsufficientStorage, fmt.Errorf("more than %d files", pageSize))
		}
	}
	return all, nil
}

// Open returns the text of a message.
func (t *tree) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	p, err := folderpath.ParseUnescaped(name)
	if err != nil || p.User == "" {
		return nil, webdav.NewHTTPError(http.StatusNotFound, err)
	}
	m, err := t.read(ctx, p)
	if err != nil {
		return nil, err
	}
	return file{bytes.NewReader(t.v.text(p, m.answer.Schedule, m.window, m.at()))}, nil
}

// file can be read from any place, so that the library can send parts.
type file struct{ *bytes.Reader }

// Close does nothing.
func (file) Close() error { return nil }

func (t *tree) info(p folderpath.Path) *webdav.FileInfo {
	info := &webdav.FileInfo{Path: unescaped(p), IsDir: p.User == ""}
	if p.User != "" {
		info.Size, info.MIMEType = int64(t.v.textLen(p)), plainText
	}
	return info
}

func unescaped(p folderpath.Path) string {
	path, _ := url.PathUnescape(p.Escaped()) // it was escaped there
	return path
}

func (t *tree) read(ctx context.Context, p folderpath.Path) (*message, error) {
	if t.message != nil && t.message.path == p {
		return t.message, nil
	}
	m := t.v.ask(ctx, []folderpath.Path{p})[0]
	if m.refusal != nil {
		return nil, webdav.NewHTTPError(m.refusal.Status, m.refusal)
	}
	return &m, nil
}

// errReadOnly is that of all that would change something: messages are written by
// PROPPATCH, which the library has no way for.
var errReadOnly = webdav.NewHTTPError(http.StatusForbidden, &face.Refusal{Text: "Nothing can be written here."})

// Create refuses.
func (*tree) Create(context.Context, string, io.ReadCloser, *webdav.CreateOptions) (*webdav.FileInfo, bool, error) {
	return nil, false, errReadOnly
}

// RemoveAll refuses.
func (*tree) RemoveAll(context.Context, string, *webdav.RemoveAllOptions) error { return errReadOnly }

// Mkdir refuses.
func (*tree) Mkdir(context.Context, string) error { return errReadOnly }

// Copy refuses.
func (*tree) Copy(context.Context, string, string, *webdav.CopyOptions) (bool, error) {
	return false, errReadOnly
}

// Move refuses.
func (*tree) Move(context.Context, string, string, *webdav.MoveOptions) (bool, error) {
	return false, errReadOnly
}
