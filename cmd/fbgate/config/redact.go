package config

import (
	"reflect"
	"regexp"
	"strings"
)

// What may be a password is hidden, because messages end up in logs: by the
// name of its key wherever it stands, and in a credential by every key that is
// not known, whose value is a password as likely as not. Both look at lines, not
// at the parsed file: they are needed just where that cannot be parsed.

var (
	secretKey = regexp.MustCompile(`(?i)((pa?s+w|pa?s+[_-]?phrase|pwd|secret|kennw|token|key)[\w-]*|\b(pass|pw|users))["']?\s*:`)
	notSecret = regexp.MustCompile(`(?i)^[\w-]*_((file|url)["']?\s*:|env["']?\s*:\s*["']?\w*["']?\s*([,}#]|$))`)
	userinfo  = regexp.MustCompile(`://[^/\s]*@`)
	account   = regexp.MustCompile(`(?i)((username|credential)["']?\s*:[^:,{]*:).+`) // user:password
)

// redact hides what the names of the keys in a line call a secret.
func redact(line string) string {
	line = userinfo.ReplaceAllString(line, "://***@")
	line = account.ReplaceAllString(line, "${1} ***")
	for _, at := range secretKey.FindAllStringIndex(line, -1) {
		if at[1] < len(line) && !notSecret.MatchString(line[at[0]:]) {
			return line[:at[1]] + " ***"
		}
	}
	return line
}

var (
	credentialKey = regexp.MustCompile(`(?i)\bcred[\w-]*["']?\s*:`)
	anyKey        = regexp.MustCompile(`([\pL\d_-]+(?: [\pL\d_-]+)*)(["']?\s*:)(?:[^\\/]|$)`) // not C:\
	knownKey      = knownKeys(fieldsOf(reflect.ValueOf(Credential{})))
)

func knownKeys(fields []field) map[string]bool {
	known := map[string]bool{}
	for _, f := range fields {
		known[f.rule.key()] = f.rule.refusal() == ""
	}
	return known
}

// inCredential finds the lines inside of a credential, which are indented more
// than the one its key is in.
func inCredential(lines []string) []bool {
	inside := make([]bool, len(lines))
	const outside = -1
	section := outside // how far the line with the key is indented
	for i, line := range lines {
		content := strings.TrimLeft(line, " \t-\u00a0")
		indent := len(line) - len(content)
		isComment := strings.HasPrefix(content, "#")
		if indent <= section && content != "" && !isComment {
			section = outside
		}
		inside[i] = section != outside
		if section == outside && !isComment && credentialKey.MatchString(line) {
			section = indent
		}
	}
	return inside
}

// withoutSecrets returns a line as messages may show it; it counts from 0.
func (s *source) withoutSecrets(i int) string {
	line, begin := s.lines[i], 0
	if !s.inCredential[i] {
		at := credentialKey.FindStringIndex(line)
		if at == nil {
			return redact(line)
		}
		begin = at[1]
	}
	return redact(line[:begin] + onlyKnown(line[begin:]))
}

// onlyKnown shows what belongs to a credential up to the first unknown key, and
// nothing of what has no key at all.
func onlyKnown(text string) string {
	content := strings.TrimLeft(text, " \t-{},\"'")
	if content == "" || content[0] == '#' {
		return text
	}
	begin := len(text) - len(content)
	keys := anyKey.FindAllStringSubmatchIndex(text, -1)
	if len(keys) == 0 || keys[0][0] > begin {
		return text[:begin] + "***"
	}
	for _, at := range keys {
		if name, colon := text[at[2]:at[3]], at[5]; !knownKey[name] && colon < len(text) {
			return text[:colon] + " ***"
		}
	}
	return text
}
