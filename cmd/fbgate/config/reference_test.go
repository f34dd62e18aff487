package config_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"fbgate/cmd/fbgate/config"
)

const (
	handbook = "../../../docs/configuration.md"
	example  = "../../../docs/fbgate.example.yaml"
	begin    = "<!-- The keys below are generated: go test ./cmd/fbgate/config -update -->\n"
	end      = "<!-- end of the keys -->\n"
)

// TestReference compares the key reference of the handbook with the structs.
func TestReference(t *testing.T) {
	text := string(content(t, handbook))
	before, rest, found := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the keys", handbook)
	}
	r := reference{meanings: meanings(t)}
	r.section(reflect.TypeFor[config.Config](), "")
	golden(t, handbook, before+begin+r.text.String()+end+after)
}

// TestExample checks that the example has every key and no other.
func TestExample(t *testing.T) {
	if _, err := config.Parse("fbgate.example.yaml", content(t, example)); err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, m := range regexp.MustCompile(`(?m)^[ #-]*?([a-z_0-9]+):(?: |$)`).FindAllStringSubmatch(string(content(t, example)), -1) {
		written = append(written, m[1])
	}
	r := reference{meanings: meanings(t)}
	r.section(reflect.TypeFor[config.Config](), "")
	slices.Sort(written)
	slices.Sort(r.keys)
	if !slices.Equal(written, r.keys) {
		t.Errorf("the example has the keys\n%v\nand the structs have\n%v", written, r.keys)
	}
}

// TestExampleShowsDefaults parses the example and a file without its optional
// keys to the same values.
func TestExampleShowsDefaults(t *testing.T) {
	shown, err := config.Parse("fbgate.example.yaml", content(t, example))
	if err != nil {
		t.Fatal(err)
	}
	silent, err := config.Parse("fbgate.yaml", content(t, "testdata/good/smallest.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	o := &shown.Organizations[0]
	o.Domains, o.Credential = silent.Organizations[0].Domains, nil
	if got, want := fmt.Sprintf("%+v", visible(shown)), fmt.Sprintf("%+v", visible(silent)); got != want {
		t.Errorf("the example has\n%s\nand the defaults are\n%s", got, want)
	}
}

// visible are the values of the exported fields.
func visible(c *config.Config) (values []any) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			values = append(values, v.Field(i).Interface())
		}
	}
	return values
}

// TestHandbookExamples parses every example of the handbook.
func TestHandbookExamples(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(content(t, handbook)), -1)
	if len(blocks) < 4 {
		t.Fatalf("got %d examples", len(blocks))
	}
	for _, block := range blocks {
		if _, err := config.Parse("fbgate.yaml", []byte(block[1])); err != nil {
			t.Errorf("%s\n%v", block[1], err)
		}
	}
}

// TestRulesAreRead reads every default and both ends of every range, which a
// wrong tag would not survive.
func TestRulesAreRead(t *testing.T) {
	r := reference{meanings: meanings(t)}
	r.section(reflect.TypeFor[config.Config](), "")
	for _, key := range r.ranges {
		for _, value := range strings.Split(key.limits, "..") {
			text := fmt.Sprintf(key.file, value)
			if _, err := config.Parse("fbgate.yaml", []byte(text)); err != nil {
				t.Errorf("%s\n%v", text, err)
			}
		}
	}
}

// reference writes the tables of the handbook.
type reference struct {
	meanings map[string]string // by struct and field: "Cache.TTL"
	text     strings.Builder
	keys     []string
	ranges   []ranged
}

// ranged is a key with a range, and a file in which its value is missing.
type ranged struct{ limits, file string }

// section writes the table of a struct, and below it those of the structs in it.
func (r *reference) section(section reflect.Type, path string) {
	title := "Top level"
	if path != "" {
		title = "`" + path + "`"
	}
	fmt.Fprintf(&r.text, "\n### %s\n\n| key | meaning | values | default |\n|---|---|---|---|\n", title)
	var inner []reflect.StructField
	for i := range section.NumField() {
		f := section.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || f.Tag.Get("refuse") != "" {
			continue
		}
		r.keys = append(r.keys, key)
		meaning := r.meanings[section.Name()+"."+f.Name]
		fmt.Fprintf(&r.text, "| `%s` | %s | %s | %s |\n", key, meaning, values(f), preset(f))
		if limits := f.Tag.Get("range"); limits != "" {
			r.ranges = append(r.ranges, ranged{limits, fileWith(path, key)})
		}
		if structOf(f.Type) != nil {
			inner = append(inner, f)
		}
	}
	for _, f := range inner {
		path := strings.TrimPrefix(path+"."+f.Tag.Get("yaml"), ".")
		if f.Type.Kind() == reflect.Slice && f.Tag.Get("single") == "" {
			path += "[]"
		}
		r.section(structOf(f.Type), path)
	}
	if path == "" {
		r.text.WriteString("\n")
	}
}

// fileWith is a file that sets a key of a section to %s.
func fileWith(section, key string) string {
	organization := "organizations: [{name: a, domains: [a], target_sharing_epr: https://a/b"
	switch section {
	case "":
		return key + ": %s\n" + organization + "}]"
	case "organizations[]":
		return organization + ", " + key + ": %s}]"
	case "login":
		return "login: {methods: [forms], htpasswd_file: a, " + key + ": %s}\n" + organization + "}]"
	case "login.ldap":
		return "login: {methods: [basic], ldap: {url: ldaps://a, base_dn: a, " + key + ": %s}}\n" + organization + "}]"
	case "publish":
		return "publish: {organizations: [a], to: b, state: a, " + key + ": %s}\ndirectory: {file: a.csv}\n" + organization +
			"}, {name: b, domains: [b], access_method: PublicFolder, public_folder_url: https://b/public/}]"
	}
	if before, inner, nested := strings.Cut(section, "."); nested { // directory.ldap
		return before + ": {" + inner + ": {url: ldaps://a, base_dn: a, " + key + ": %s}}\n" + organization + "}]"
	}
	extra := map[string]string{"directory": "file: a.csv, ", "publishing": "store: a, publishers: [{username: a, password_file: a}], ",
		"tls": "listen: :443, certificate_file: a, key_file: a, ", "passthrough": "url: http://a.example, "}[section]
	return section + ": {" + extra + key + ": %s}\n" + organization + "}]"
}

// structOf is the struct a field holds, one or many of; nil if it holds none.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// kinds are the forms and types of the structs in words.
var kinds = map[string]string{
	"address": "host:port", "clients": "list of networks", "headername": "name of a header", "autodiscover": "URL", "domain": "list of domains", "environment": "name of a variable",
	"ews": "URL", "file": "file", "folder": "list of paths", "header": "text", "host": "domain", "kdc": "host:port", "ldap": "URL", "line": "text", "mailbox": "address",
	"name": "letters, digits, `.`, `_`, `-`", "network": "list of networks", "people": "name, address or group", "publicfolder": "URL", "server": "URL", "token": "URL", "username": "account",
}

func values(f reflect.StructField) string {
	var parts []string
	if words := strings.Fields(f.Tag.Get("oneof")); len(words) > 0 {
		parts = append(parts, "`"+strings.Join(words, "`, `")+"`")
	}
	if low, high, ok := strings.Cut(f.Tag.Get("range"), ".."); ok {
		parts = append(parts, low+" to "+high)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", or ")
	case f.Type.Kind() == reflect.Bool:
		return "`true`, `false`"
	case f.Tag.Get("single") != "" && f.Tag.Get("form") != "":
		return kinds[f.Tag.Get("form")] + ", or list"
	case f.Tag.Get("single") != "":
		return "section, or list of sections"
	case f.Tag.Get("form") != "":
		return kinds[f.Tag.Get("form")]
	case f.Type.Kind() == reflect.Slice:
		return "list of sections"
	}
	return "section"
}

func preset(f reflect.StructField) string {
	value, hint := f.Tag.Get("default"), f.Tag.Get("example")
	switch {
	case value != "":
		return "`" + value + "`"
	case f.Tag.Get("required") != "" && hint != "":
		return "mandatory, for example `" + hint + "`"
	case f.Tag.Get("required") != "":
		return "mandatory"
	case hint != "":
		return "none; for example `" + hint + "`"
	case f.Type.Kind() == reflect.Struct:
		return "below"
	}
	return "none"
}

// meanings are the comments of the fields, without the field's name.
func meanings(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, path := range []string{"config.go", "faces.go", "login.go", "directory.go", "organization.go", "credential.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			section, ok := spec.Type.(*ast.StructType)
			if !ok || !ast.IsExported(spec.Name.Name) {
				return true
			}
			for _, f := range section.Fields.List {
				if name := f.Names[0].Name; ast.IsExported(name) {
					found[spec.Name.Name+"."+name] = meaning(t, name, f.Doc.Text())
				}
			}
			return false
		})
	}
	return found
}

// meaning turns "TTL is how long …" into "How long …".
func meaning(t *testing.T, name, comment string) string {
	t.Helper()
	text, ok := strings.CutPrefix(strings.Join(strings.Fields(comment), " "), name+" ")
	if !ok {
		t.Errorf("the comment of %s does not begin with its name", name)
		return ""
	}
	runes := []rune(strings.TrimPrefix(text, "is "))
	runes[0] = unicode.ToUpper(runes[0])
	return strings.NewReplacer("|", `\|`, "*", `\*`).Replace(string(runes))
}
