package availability_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fbgate/availability"
)

var update = flag.Bool("update", false, "rewrite the table of reasons in docs/operations.md")

const (
	handbook     = "../docs/operations.md"
	beginReasons = "<!-- The reasons below are generated: go test ./availability -update -->\n"
	endReasons   = "<!-- end of the reasons -->\n"
)

// TestReasonsAreDocumented compares the table of the handbook with the codes, the
// comments of their constants and their remedies.
func TestReasonsAreDocumented(t *testing.T) {
	content, err := os.ReadFile(handbook)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(content), beginReasons)
	table, after, ended := strings.Cut(rest, endReasons)
	if !begun || !ended {
		t.Fatalf("%s has no place for the reasons", handbook)
	}
	want := reasons(t)
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("%s has\n%s\nand reason.go says\n%s\ngo test ./availability -update writes it", handbook, table, want)
	}
	if err := os.WriteFile(handbook, []byte(before+beginReasons+want+endReasons+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// reasons writes the table.
func reasons(t *testing.T) string {
	meanings := meanings(t)
	var table strings.Builder
	table.WriteString("\n| code | what happened | what to do | kind |\n|---|---|---|---|\n")
	for _, code := range availability.Codes() {
		reason := availability.Because(code, "")
		if meanings[code] == "" || reason.Remedy() == "" {
			t.Errorf("%s: the meaning is %q and the remedy %q", code, meanings[code], reason.Remedy())
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", code, meanings[code], reason.Remedy(), kind(reason))
	}
	table.WriteString("\n")
	if text := table.String(); strings.Count(text, "|") != 5*(2+len(meanings)) {
		t.Errorf("a meaning or remedy has a | in it, or a code has no entry: %d codes in\n%s", len(meanings), text)
	}
	return table.String()
}

func kind(r *availability.Reason) string {
	if r.Lasting() {
		return "lasting"
	}
	return "passing"
}

// meanings are the comments of the constants.
func meanings(t *testing.T) map[availability.Code]string {
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[availability.Code]string)
	ast.Inspect(file, func(n ast.Node) bool {
		constant, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := constant.Type.(*ast.Ident); ok && kind.Name == "Code" {
			code, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[availability.Code(code)] = strings.Join(strings.Fields(constant.Doc.Text()), " ")
		}
		return true
	})
	return found
}

func TestCodesAreSorted(t *testing.T) {
	if codes := availability.Codes(); !slices.IsSorted(codes) || len(codes) != len(slices.Compact(slices.Clone(codes))) {
		t.Errorf("%v", codes)
	}
}
