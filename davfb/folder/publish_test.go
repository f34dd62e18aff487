package folder_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/davfb/face"
	"fbgate/davfb/folder"
)

// gccPatch is what Google's connector writes, of January and February 2000.
const gccPatch = `<?xml version="1.0" encoding="utf-8"?><a:propertyupdate xmlns:a="DAV:" xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:c="xml:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/" xmlns:e="http://schemas.microsoft.com/mapi/"><a:set><a:prop>` +
	`<d:x68410003 b:dt="int">0</d:x68410003><d:x10F2000B b:dt="boolean">1</d:x10F2000B><e:subject>USER-/CN=RECIPIENTS/CN=MARY</e:subject>` +
	`<d:x68531003 b:dt="mv.int"><c:v>32001</c:v></d:x68531003><d:x68541102 b:dt="mv.bin.base64"><c:v>PAB4AA==</c:v></d:x68541102>` +
	`<d:x68470003 b:dt="int">209852640</d:x68470003><d:x68480003 b:dt="int">209939040</d:x68480003></a:prop></a:set>` +
	`<a:remove><a:prop><d:x68511003/><d:x68521102/></a:prop></a:remove></a:propertyupdate>`

// zimbraPatch is the same in Zimbra's spelling.
const zimbraPatch = `<D:propertyupdate xmlns:D="DAV:" xmlns:c="xml:" xmlns:b="http://schemas.microsoft.com/mapi/proptag/" xmlns:e="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/"><D:set><D:prop>` +
	`<b:0x68470003>0x0c8218e0</b:0x68470003><b:0x68480003>0x0c836a60</b:0x68480003>` +
	`<b:0x68531003 e:dt="mv.int"><c:v>32001</c:v></b:0x68531003><b:0x68541102 e:dt="mv.bin.base64"><c:v>PAB4AA==</c:v></b:0x68541102></D:prop></D:set></D:propertyupdate>`

func writable() (*publisher, folder.Config) {
	p := &publisher{kept: map[availability.Mailbox]availability.Publication{}}
	return p, folder.Config{Source: contoso(), Publisher: p, Log: quiet(), MayPublish: func(r *http.Request) (string, error) {
		if user, _, ok := r.BasicAuth(); ok {
			return user, nil
		}
		return "", &face.Refusal{Status: http.StatusUnauthorized, Text: "Who are you?"}
	}}
}

const asSync = "Authorization: Basic c3luYzpzZWNyZXQ=" // sync:secret

func TestPublish(t *testing.T) {
	in2000(t, func(t *testing.T) {
		first := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		for _, test := range []struct {
			file, method, body string
			keep               time.Duration
			expires            time.Time
		}{
			{"patched_gcc.xml", "PROPPATCH", gccPatch, 0, first.AddDate(0, 2, 0)},
			{"patched_zimbra.xml", "POST", zimbraPatch, time.Hour, first.Add(time.Hour)},
			{"patched_zimbra.xml", "PROPPATCH", zimbraPatch, 9999 * time.Hour, first.AddDate(0, 2, 0)},
		} {
			p, c := writable()
			c.Keep = test.keep
			w := do(t, folder.New(c), test.method, mary, test.body, asSync, "Brief: t", "Translate: f")
			if w.Code != http.StatusMultiStatus {
				t.Errorf("%s: %d %s", test.file, w.Code, w.Body)
				continue
			}
			if n, err := readByPosition(w.Body.Bytes()); n != 1 || err != nil {
				t.Errorf("%s: %d responses, %v", test.file, n, err)
			}
			golden(t, test.file, w.Body.Bytes())
			got := p.kept[dnOf("mary")]
			want := availability.NewSchedule(availability.Window{Start: first, End: first.AddDate(0, 2, 0)}, 0, []availability.Span{span(first.Add(time.Hour), time.Hour, availability.Busy)})
			if !got.Schedule.Equal(want) || got.By != "sync" || !got.At.Equal(first) || !got.Expires.Equal(test.expires) {
				t.Errorf("%s: %+v is kept", test.file, got)
			}
		}
	})
}

// GCC's FreeBusyBuilder makes messages before it fills them.
func TestPatchWithoutFreeBusyPublishesNothing(t *testing.T) {
	p, c := writable()
	body := `<a:propertyupdate xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:set><a:prop><d:x0037001E>USER-/CN=RECIPIENTS/CN=MARY</d:x0037001E><d:x7AE0001E>GWISE:mary</d:x7AE0001E></a:prop></a:set></a:propertyupdate>`
	if w := do(t, folder.New(c), "PROPPATCH", mary, body, asSync); w.Code != 207 || len(p.kept) != 0 || !strings.Contains(w.Body.String(), "<d:x7AE0001E/>") {
		t.Errorf("%d %s, kept %v", w.Code, w.Body, p.kept)
	}
}

func TestPatchRefused(t *testing.T) {
	tests := []struct {
		name, target, body string
		headers            []string
		fails              error
		status             int
	}{
		{"nobody", mary, gccPatch, nil, nil, 401},
		{"a folder", group, gccPatch, []string{asSync}, nil, 405},
		{"no XML", mary, "x", []string{asSync}, nil, 400},
		{"another document", mary, evolution, []string{asSync}, nil, 400},
		{"half a range", mary, strings.ReplaceAll(gccPatch, "x68480003", "x68480004"), []string{asSync}, nil, 400},
		{"a range that has passed", mary, strings.NewReplacer("209852640", "209750400", "209939040", "209750460").Replace(gccPatch), []string{asSync}, nil, 400},
		{"backward range", mary, strings.Replace(gccPatch, "209939040", "1", 1), []string{asSync}, nil, 400},
		{"half a block", mary, strings.Replace(gccPatch, "PAB4AA==", "PAB4", 1), []string{asSync}, nil, 400},
		{"too large", mary, gccPatch + strings.Repeat(" ", 1<<20), []string{asSync}, nil, 413},
		{"the disk is full", mary, gccPatch, []string{asSync}, errors.New("secret: disk full"), 503},
		{"not for this one", mary, gccPatch, []string{asSync}, &face.Refusal{Status: 403, Text: "Not yours."}, 403},
	}
	in2000(t, func(t *testing.T) {
		for _, test := range tests {
			p, c := writable()
			p.err = test.fails
			w := do(t, folder.New(c), "PROPPATCH", test.target, test.body, test.headers...)
			if w.Code != test.status || len(p.kept) != 0 || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s: %d %s, kept %v", test.name, w.Code, w.Body, p.kept)
			}
		}
	})
}

func TestWithdraw(t *testing.T) {
	p, c := writable()
	h := folder.New(c)
	p.kept[dnOf("mary")] = availability.Publication{}
	for _, test := range []struct {
		headers []string
		status  int
	}{{nil, 401}, {[]string{asSync}, 204}, {[]string{asSync}, 404}} {
		if w := do(t, h, "DELETE", mary, "", test.headers...); w.Code != test.status {
			t.Errorf("%d %s, want %d", w.Code, w.Body, test.status)
		}
	}
	p.err = errors.New("disk")
	if w := do(t, h, "DELETE", mary, "", asSync); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
