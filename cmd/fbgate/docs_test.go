package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"fbgate/cmd/fbgate/config"
)

// documents are what people read, from here.
func documents(t *testing.T) map[string]string {
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, path := range append(paths, "../../README.md", "../../CONTRIBUTING.md", "../../CHANGELOG.md") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[path] = string(content)
	}
	return found
}

var (
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headline = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	yaml     = regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$")
)

func TestLinksLeadSomewhere(t *testing.T) {
	all := documents(t)
	for path, content := range all {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(content, ""), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", path, m[1])
			}
			if anchor != "" && !anchors(all[target])[anchor] {
				t.Errorf("%s: the link %s leads to no headline", path, m[1])
			}
		}
	}
}

// anchors are the names Markdown readers give to the headlines of a document.
func anchors(content string) map[string]bool {
	found := make(map[string]bool)
	for _, m := range headline.FindAllStringSubmatch(fenced.ReplaceAllString(content, ""), -1) {
		found[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return found
}

func TestConfigurationsInDocumentsAreInOrder(t *testing.T) {
	parsed := 0
	for path, content := range documents(t) {
		for _, m := range yaml.FindAllStringSubmatch(content, -1) {
			text := regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], "")
			switch {
			case regexp.MustCompile(`(?m)^organizations:`).MatchString(text):
			case regexp.MustCompile(`(?m)^(listen|tls|trusted_proxies|passthrough|publishing|internet_free_busy|folder):`).MatchString(text):
				text += "\norganizations: [{name: contoso, domains: [contoso.com], target_sharing_epr: https://mail.contoso.com/EWS/Exchange.asmx}]\n"
			default: // a part of a section
				continue
			}
			parsed++
			if _, err := config.Parse(path, []byte(text)); err != nil {
				t.Errorf("%s:\n%s\n%v", path, text, err)
			}
		}
	}
	if parsed == 0 {
		t.Error("there are none")
	}
}
