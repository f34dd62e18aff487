package folderpath

import (
	"net/url"
	"strings"
)

// The characters that cannot be in a name of Exchange's store, and what they are written
// as. Hexadecimal digits come in either case.
var (
	toName   = strings.NewReplacer("/", "_xF8FF_", `\`, "_xF8FE_", "?", "_x003F_", "~", "_x007E_")
	fromCode = map[string]string{"F8FF": "/", "F8FE": `\`, "003F": "?", "007E": "~"}
)

// codeLen is the length of "_xF8FF_".
const codeLen = 7

func encode(s string) string {
	// url.PathEscape leaves "+", which some servers take for a space.
	return strings.ReplaceAll(url.PathEscape(toName.Replace(s)), "+", "%2B")
}

func decode(name string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(name, '_')
		if at < 0 || len(name)-at < codeLen {
			b.WriteString(name)
			return b.String()
		}
		b.WriteString(name[:at])
		code := strings.ToUpper(name[at : at+codeLen])
		character, ok := fromCode[code[2:6]]
		if !ok || code[1] != 'X' || code[6] != '_' {
			b.WriteByte('_')
			name = name[at+1:]
			continue
		}
		b.WriteString(character)
		name = name[at+codeLen:]
	}
}

// indexFold is strings.Index without minding the case of a prefix in ASCII.
func indexFold(s, ascii string) int {
	for i := 0; i+len(ascii) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(ascii)], ascii) {
			return i
		}
	}
	return -1
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	at := len(s) - len(suffix)
	if at < 0 || !strings.EqualFold(s[at:], suffix) {
		return s, false
	}
	return s[:at], true
}
