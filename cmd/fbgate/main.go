// Command fbgate is a free/busy gateway: it answers clients that ask as Exchange
// 2003 was asked, from the organizations where the mailboxes live today.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// commands are what the program does, each in a file of its own.
type commands struct {
	Serve   serveCommand      `cmd:"" help:"Answer clients as the configuration says."`
	Check   checkCommand      `cmd:"" help:"Check the configuration and show every fault of it."`
	Doctor  doctorCommand     `cmd:"" help:"Take one question to the server that should answer it, hop by hop, and say what fails and what to do."`
	Query   queryCommand      `cmd:"" help:"Ask a gateway as an old client would, and draw the answer."`
	Cache   cacheCommand      `cmd:"" help:"Show, flush or refresh what a gateway remembers."`
	Reload  reloadCommand     `cmd:"" help:"Have a gateway read its configuration anew, and show what has changed, or every fault."`
	Orgs    orgsCommand       `cmd:"" help:"Show how the organizations of a gateway fare."`
	Lookups lookupsCommand    `cmd:"" help:"Show what clients have asked a gateway, and what they were told."`
	Demo    demoCommand       `cmd:"" help:"Start three pretend organizations and a gateway, and show a request."`
	Shell   completionCommand `cmd:"" name:"completion" help:"Print what makes a shell complete commands and flags."`
	Version kong.VersionFlag  `help:"Print the version and exit."`
}

// console is where a command writes.
type console struct{ out, err io.Writer }

// The exit statuses.
const (
	exitOK = iota
	exitFailure
	exitUsage
	exitResting               // of orgs: an organization does not answer
	exitRestart = exitResting // of reload: some of it waits for a restart
)

// errReported is a failure that has been told in full already.
var errReported = errors.New("reported")

// errResting is that an organization does not answer, which has been told.
var errResting = errors.New("an organization rests")

// run runs the command args name and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	var cli commands
	exited := false
	parser, err := kong.New(&cli,
		kong.Name("fbgate"),
		kong.Description("A free/busy gateway for clients of Exchange 2003."),
		kong.Vars{"version": "fbgate " + version()},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited, status = true, code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(console{stdout, stderr}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
	)
	if err != nil {
		panic(err) // the tags above are wrong
	}
	if len(args) > 0 && (args[0] == "help" || args[0] == "version") {
		args = append([]string{"--" + args[0]}, args[1:]...)
	}
	command, err := parser.Parse(args)
	if exited { // help or version were asked for
		return status
	}
	if err == nil {
		if c, ok := command.Selected().Target.Addr().Interface().(checked); ok {
			err = c.wrong()
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "fbgate: %v\nTry fbgate --help.\n", err)
		return exitUsage
	}
	switch err = command.Run(); {
	case errors.Is(err, errResting):
		return exitResting
	case errors.Is(err, errRestart):
		return exitRestart
	case err == nil:
		return exitOK
	case !errors.Is(err, errReported):
		fmt.Fprintf(stderr, "fbgate: %v\n", err)
	}
	return exitFailure
}

// release is set by the linker.
var release string

// version returns the release, or what the Go toolchain knows of the source.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
