package face

import (
	"cmp"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names are people who are known to be what a text is about. They are found by plain
// search, whatever they look like: as they are, in either case, in quotes of Go, escaped as
// in a URL or HTML, cut short, and without the domain, the Windows domain and the type before or
// after them. Build it with [Redactor.Names], once for all texts about the same; the zero
// value leaves everything as it is.
type Names struct {
	redactor *Redactor
	forms    []form
}

// form is one way to write a name.
type form struct {
	text  string              // folded, [longestForm] of it at most
	shown string              // instead
	full  string              // if that is only the beginning: all of the name, empty if nobody knows it
	write func(string) string // makes text of it
	begun bool                // it is only the beginning
	whole bool                // it is an address like any other: what goes on before it is part of another
	odd   bool                // what an address is not made of is in it
}

// longestForm is how much of a name is looked for, in bytes. Longer ones may be cut short in
// a text; then they end where the quotes do, or the text.
const longestForm = 40

// forms are how names may be written, each with what is in all that differs from the name.
// What is quoted may be part of what is quoted.
var forms = []struct {
	mark  string
	write func(string) string
}{
	{"", func(s string) string { return s }},
	{`\`, quoted},
	{`\`, func(s string) string { return quoted(quoted(s)) }},
	{"&", html.EscapeString},
	{"%", url.PathEscape},
	{"%+", url.QueryEscape},
}

const marks = `\&%+`

// Names returns what finds names in texts. Empty ones are left out.
func (r *Redactor) Names(names ...string) Names { return r.namesIn(marks, names) }

// namesIn is Names for one text.
func (r *Redactor) namesIn(text string, names []string) Names {
	found := Names{redactor: r}
	if r == nil {
		return found
	}
	for i, name := range names {
		if name != "" && !slices.Contains(names[:i], name) {
			found.add(name, text)
		}
	}
	return found
}

func (n *Names) add(name, text string) {
	shown := n.redactor.Name(name)
	if shown == name {
		return // it is redacted already
	}
	n.write(name, text, form{shown: shown, whole: plain.MatchString(name)})
	if short := given(name); short != name {
		n.write(short, text, form{shown: shown, odd: !usual.MatchString(short)})
	}
}

// write adds the ways to write a name that a text may have. It may have been cut short by
// [shorten].
func (n *Names) write(name, text string, f form) {
	begin, cut := strings.CutSuffix(name, "…")
	if !cut {
		f.full = name
	}
	if f.begun = cut || len(begin) > longestForm; f.begun {
		begin = strings.ToValidUTF8(begin[:min(len(begin), longestForm)], "")
	}
	simple := usual.MatchString(begin) // it looks the same everywhere
	for i, way := range forms {
		if i > 0 && (simple || !strings.ContainsAny(text, way.mark)) {
			continue
		}
		f.write = way.write
		f.text, _ = fold(way.write(begin))
		if f.text != "" && !slices.ContainsFunc(n.forms, func(other form) bool { return other.text == f.text }) {
			n.forms = append(n.forms, f)
		}
	}
}

func quoted(s string) string {
	s = strconv.Quote(s)
	return s[1 : len(s)-1]
}

// given returns the part of a name somebody is called by: mary of DOMAIN\mary, of
// SMTP:mary@contoso.com, of "mary"@contoso.com and of /o=Contoso/cn=mary.
func given(name string) string {
	low := strings.ToLower(name)
	switch {
	case strings.HasPrefix(low, "smtp:"):
		name = name[len("smtp:"):]
	case strings.Contains(low, "/cn="):
		return name[strings.LastIndex(low, "/cn=")+len("/cn="):]
	case strings.HasPrefix(low, "cn="), strings.HasPrefix(low, "uid="):
		_, name, _ = strings.Cut(name, "=")
		return unescapedDN.Replace(name[:endOfPart(name)])
	}
	name = name[strings.LastIndexByte(name, '\\')+1:]
	if at := strings.LastIndexByte(name, '@'); at > 0 {
		name = name[:at]
	}
	return strings.Trim(name, `"`)
}

// unescapedDN is a part of a distinguished name as it is called elsewhere.
var unescapedDN = strings.NewReplacer(`\,`, ",", `\\`, `\`, `\"`, `"`, `\+`, "+", `\;`, ";")

// endOfPart returns where the first part of a distinguished name ends.
func endOfPart(dn string) int {
	for i := 0; i < len(dn); i++ {
		switch dn[i] {
		case '\\':
			i++
		case ',', '+':
			return i
		}
	}
	return len(dn)
}

// Text is [Redactor.Text] for a text about these names.
func (n Names) Text(s string) string {
	if n.redactor == nil || s == "" {
		return s
	}
	low, inPlace := fold(s)
	if !inPlace {
		s = low
	}
	var b strings.Builder
	done := 0
	for _, f := range n.within(s, n.spans(low)) {
		b.WriteString(n.redactor.addresses(s[done:f.begin]))
		b.WriteString(f.shown)
		done = f.end
	}
	b.WriteString(n.redactor.addresses(s[done:]))
	return b.String()
}

// span is where a name stands.
type span struct {
	begin, end int
	shown      string // instead
}

// spans returns where names stand in a folded text.
func (n Names) spans(low string) (all []span) {
	next := make([]int, len(n.forms)) // where each form comes next
	for i := range next {
		next[i] = -1
	}
	for done := 0; ; {
		best, at, end := -1, len(low), 0
		for i := range n.forms {
			if next[i] < done {
				next[i] = n.forms[i].find(low, done)
			}
			if e := next[i] + len(n.forms[i].text); next[i] < at || next[i] == at && at < len(low) && e > end {
				best, at, end = i, next[i], e
			}
		}
		if best < 0 {
			return all
		}
		if n.forms[best].begun {
			end = n.forms[best].end(low, at)
		}
		all = append(all, span{at, end, n.forms[best].shown})
		done = end
	}
}

// within widens spans of names to what they are parts of, such as a distinguished name.
func (n Names) within(s string, names []span) []span {
	if len(names) == 0 || !outside(s, names) {
		return names
	}
	all := names
	for _, at := range wholes.FindAllStringIndex(s, -1) {
		if text := s[at[0]:at[1]]; !strings.Contains(text, "://") && !strings.HasPrefix(text, `"/`) {
			all = append(all, span{at[0], at[1], n.redactor.found(text)})
		}
	}
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Or(a.begin-b.begin, b.end-a.end) })
	var merged []span
	for _, f := range all {
		last := len(merged) - 1
		switch {
		case last < 0 || f.begin >= merged[last].end:
			merged = append(merged, f)
		case f.end > merged[last].end: // parts of both
			merged[last].end = f.end
			merged[last].shown = n.redactor.hash(s[merged[last].begin:f.end])
		}
	}
	return merged
}

// outside reports whether what people are found by stands elsewhere than in their names.
func outside(s string, names []span) bool {
	done := 0
	for _, f := range names {
		if strings.ContainsAny(s[done:f.begin], signs) {
			return true
		}
		done = f.end
	}
	return strings.ContainsAny(s[done:], signs)
}

// signs are one of them in whatever people is to find.
const signs = "@%="

// find returns where a form begins in a folded text from done on; its length if nowhere.
func (f *form) find(low string, done int) int {
	for from := done; ; {
		at := strings.Index(low[from:], f.text)
		if at < 0 {
			return len(low)
		}
		if at += from; f.stands(low, at) {
			return at
		}
		from = at + 1
	}
}

// stands reports whether what is found is no part of something else.
func (f *form) stands(s string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	after, _ := utf8.DecodeRuneInString(s[at+len(f.text):])
	switch {
	case isWord(before), f.whole && before != utf8.RuneError && !strings.ContainsRune(" \t\n\"<>()[]{},;:/\\|?&", before):
		return false
	case f.begun:
		return true
	}
	// An address goes on with its domain; it is found as a whole by what it looks like,
	// unless there are spaces and such in it.
	return !isWord(after) && (after != '@' || f.odd)
}

// end returns where that ends of which only the beginning was found.
func (f *form) end(low string, at int) int {
	if full, _ := fold(f.write(f.full)); full != "" && strings.HasPrefix(low[at:], full) {
		return at + len(full)
	}
	if at == 0 || low[at-1] != '"' {
		return len(low)
	}
	end := at + len(f.text)
	for ; end < len(low) && low[end] != '"'; end++ {
		if low[end] == '\\' {
			end++
		}
	}
	return min(end, len(low))
}

// fold returns s as it is compared, in one case, and whether everything in it stands where
// it did.
func fold(s string) (low string, inPlace bool) {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToLower(s), true
	}
	inPlace = utf8.ValidString(s)
	return strings.Map(func(r rune) rune {
		one := unicode.ToLower(unicode.ToUpper(r))
		inPlace = inPlace && utf8.RuneLen(one) == utf8.RuneLen(r)
		return one
	}, s), inPlace
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}
