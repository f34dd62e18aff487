package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script that needs nothing of fbgate when it is used.
func (c *completionCommand) Run(parsed *kong.Context, console console) error {
	all := completions(parsed.Model.Node)
	switch c.Shell {
	case "bash":
		bashCompletion(console.out, all)
	case "zsh":
		zshCompletion(console.out, all)
	case "fish":
		fishCompletion(console.out, all)
	}
	return nil
}

// completion is what may come after some commands.
type completion struct {
	path     string // the commands before, "cache ls"; empty for the program itself
	commands []choice
	flags    []choice
}

// choice is a command or a flag. Value says that something comes after the flag, and file
// that this is the name of a file.
type choice struct {
	name, help  string
	value, file bool
}

// completions reads the commands and their flags.
func completions(n *kong.Node) (all []completion) {
	var c completion
	if n.Parent != nil {
		c.path = strings.TrimPrefix(n.FullPath(), "fbgate ")
	}
	for _, child := range n.Children {
		if !child.Hidden {
			c.commands = append(c.commands, choice{name: child.Name, help: child.Help})
		}
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			c.flags = append(c.flags, choice{"--" + f.Name, f.Help, !f.IsBool(), f.PlaceHolder == "FILE"})
		}
	}
	for _, p := range n.Positional {
		for _, value := range p.EnumSlice() {
			if value != "" {
				c.commands = append(c.commands, choice{name: value})
			}
		}
	}
	all = append(all, c)
	for _, child := range n.Children {
		if !child.Hidden {
			all = append(all, completions(child)...)
		}
	}
	return all
}

func (c *completion) names() string {
	var names []string
	for _, o := range append(append([]choice(nil), c.commands...), c.flags...) {
		names = append(names, o.name)
	}
	return strings.Join(names, " ")
}

func bashCompletion(out io.Writer, all []completion) {
	fmt.Fprint(out, `# fbgate completion for bash: source it, or put it into
# /usr/share/bash-completion/completions/fbgate
_fbgate() {
    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} command="" choices="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command ${COMP_WORDS[i]}" in
`)
	for _, c := range all[1:] {
		before := " "
		if at := strings.LastIndex(c.path, " "); at >= 0 {
			before = c.path[:at] + " "
		}
		fmt.Fprintf(out, "            %q) command=%q ;;\n", before+c.path[strings.LastIndex(c.path, " ")+1:], c.path)
	}
	fmt.Fprint(out, `        esac
    done
    case "$last" in
`)
	fmt.Fprintf(out, "        %s) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", strings.Join(flagsOf(all, true), "|"))
	fmt.Fprintf(out, "        %s) COMPREPLY=(); return ;;\n", strings.Join(flagsOf(all, false), "|"))
	fmt.Fprint(out, `    esac
    case "$command" in
`)
	for _, c := range all {
		fmt.Fprintf(out, "        %q) choices=%q ;;\n", c.path, c.names())
	}
	fmt.Fprint(out, `    esac
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
}
complete -F _fbgate fbgate
`)
}

// flagsOf returns the flags after which the name of a file comes, or something else.
func flagsOf(all []completion, file bool) (names []string) {
	seen := make(map[string]bool)
	for _, c := range all {
		for _, f := range c.flags {
			if f.value && f.file == file && !seen[f.name] {
				seen[f.name] = true
				names = append(names, f.name)
			}
		}
	}
	return names
}

func zshCompletion(out io.Writer, all []completion) {
	fmt.Fprint(out, `#compdef fbgate
# fbgate completion for zsh: put it as _fbgate into a folder of $fpath
_fbgate() {
    local -a choices
    local command="" i
    for ((i = 2; i < CURRENT; i++)); do
        case "$command ${words[i]}" in
`)
	for _, c := range all[1:] {
		before := " "
		if at := strings.LastIndex(c.path, " "); at >= 0 {
			before = c.path[:at] + " "
		}
		fmt.Fprintf(out, "            %q) command=%q ;;\n", before+c.path[strings.LastIndex(c.path, " ")+1:], c.path)
	}
	fmt.Fprint(out, "        esac\n    done\n    case \"${words[CURRENT-1]}\" in\n")
	fmt.Fprintf(out, "        %s) _files; return ;;\n", strings.Join(flagsOf(all, true), "|"))
	fmt.Fprintf(out, "        %s) return ;;\n", strings.Join(flagsOf(all, false), "|"))
	fmt.Fprint(out, "    esac\n    case \"$command\" in\n")
	for _, c := range all {
		fmt.Fprintf(out, "        %q) choices=(", c.path)
		for _, o := range append(append([]choice(nil), c.commands...), c.flags...) {
			fmt.Fprintf(out, "\n            %s", quoted(o.name+":"+o.help))
		}
		fmt.Fprint(out, ") ;;\n")
	}
	fmt.Fprint(out, `    esac
    _describe fbgate choices
}
if [[ $funcstack[1] == _fbgate ]]; then
    _fbgate "$@"
else # it was sourced
    compdef _fbgate fbgate
fi
`)
}

// quoted is a text as one word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func fishCompletion(out io.Writer, all []completion) {
	fmt.Fprint(out, `# fbgate completion for fish: put it into ~/.config/fish/completions/fbgate.fish
complete -c fbgate -f
`)
	for _, c := range all {
		words := strings.Fields(c.path)
		condition := "__fish_use_subcommand"
		switch len(words) {
		case 1:
			condition = "__fish_seen_subcommand_from " + words[0]
		case 2:
			condition = "__fish_seen_subcommand_from " + words[0] + "; and __fish_seen_subcommand_from " + words[1]
		}
		for _, o := range c.commands {
			only := condition
			if len(words) == 1 {
				var others []string
				for _, other := range c.commands {
					others = append(others, other.name)
				}
				only += "; and not __fish_seen_subcommand_from " + strings.Join(others, " ")
			}
			fmt.Fprintf(out, "complete -c fbgate -n %s -a %s -d %s\n", quoted(only), o.name, fishQuoted(o.help))
		}
		for _, f := range c.flags {
			more := ""
			switch {
			case f.file:
				more = " -r -F"
			case f.value:
				more = " -x"
			}
			fmt.Fprintf(out, "complete -c fbgate -n %s -l %s%s -d %s\n", quoted(condition), strings.TrimPrefix(f.name, "--"), more, fishQuoted(f.help))
		}
	}
}

// fishQuoted is a text as one word of fish, where a backslash quotes in quotes, too.
func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
