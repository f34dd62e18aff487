package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// Every command and every flag can be completed, and shells take the scripts.
func TestCompletion(t *testing.T) {
	var cli commands
	model := kong.Must(&cli, kong.Name("fbgate"), kong.Vars{"version": "x"}).Model
	for shell, check := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}} {
		t.Run(shell, func(t *testing.T) {
			var out, errs strings.Builder
			if status := run(t.Context(), []string{"completion", shell}, &out, &errs); status != exitOK {
				t.Fatal(errs.String())
			}
			script, flags := out.String(), 0
			var walk func(*kong.Node)
			walk = func(n *kong.Node) {
				if !strings.Contains(script, n.Name) {
					t.Errorf("there is no command %s", n.Name)
				}
				for _, f := range n.Flags {
					flags++
					want := "--" + f.Name
					if shell == "fish" {
						want = "-l " + f.Name + " "
					}
					if !strings.Contains(script, want) {
						t.Errorf("there is no %s of %s", want, n.Name)
					}
				}
				for _, child := range n.Children {
					walk(child)
				}
			}
			walk(model.Node)
			if flags < 30 {
				t.Errorf("only %d flags were looked for", flags)
			}
			program, err := exec.LookPath(check[0])
			if err != nil {
				t.Skipf("the script is not tried: there is no %s; install the Debian package %s", shell, shell)
			}
			c := exec.Command(program, check[1:]...)
			c.Stdin = strings.NewReader(script)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// What bash offers depends on what stands before.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash; install the Debian package bash")
	}
	var script strings.Builder
	run(t.Context(), []string{"completion", "bash"}, &script, &script)
	for words, want := range map[string]string{
		"fbgate ca":                     "cache",
		"fbgate cache ":                 "ls show flush refresh --help --version",
		"fbgate cache flush --o":        "--organization",
		"fbgate completion z":           "zsh",
		"fbgate doctor --as ":           "",
		"fbgate lookups --reason x --f": "--follow",
	} {
		array := strings.ReplaceAll(words, " ", `" "`)
		out, err := exec.Command(bash, "-c", script.String()+`
COMP_WORDS=("`+array+`"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _fbgate; echo "${COMPREPLY[*]}"`).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: %q, want %q; %v", words, got, want, err)
		}
	}
}
