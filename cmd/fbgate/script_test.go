package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"fbgate":           main,
		"pretend-exchange": pretendExchange,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			e.Setenv(promptExit())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"expand":    expand,
			"get":       download,
			"hangup":    hangUpOn,
			"terminate": terminate,
			"waitfor":   waitFor,
		},
	})
}

// promptExit is the variable that keeps the race detector from holding every process
// back for a second.
func promptExit() (name, value string) { return "GORACE", "atexit_sleep_ms=0" }

// pretendExchange serves mailboxes that are busy on 23 November 2026 from 09:00 to
// 10:30 UTC, and writes its URL to a file: pretend-exchange FILE MAILBOX...
func pretendExchange() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	x := exchangetest.New(exchangetest.Exchange2019)
	x.Username, x.Password = `CONTOSO\svc-freebusy`, "correct horse"
	nine := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, address := range os.Args[2:] {
		x.SetMailbox(address, availability.Span{
			Window: availability.Window{Start: nine, End: nine.Add(90 * time.Minute)},
			Status: availability.Busy,
		})
	}
	url, stopServing, err := x.Start()
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte(url+"\n"), 0o666)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer stopServing()
	<-ctx.Done()
}

// exits runs a command that has to end with a status: exits STATUS COMMAND...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		status = exit.ExitCode()
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("%s exits with %d, want %s", args[1], status, args[0])
	}
}

// expand puts environment variables into files: expand FILE...
func expand(ts *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o666))
	}
}

// terminate sends SIGTERM to what runs in the background.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// hangUpOn sends SIGHUP to what runs in the background with that word in its command: hangup WORD.
func hangUpOn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hangup WORD")
	}
	for _, c := range ts.BackgroundCmds() {
		if strings.Contains(strings.Join(c.Args, " "), args[0]) {
			ts.Check(c.Process.Signal(syscall.SIGHUP))
		}
	}
}

// download writes what a URL answers into a file: get URL FILE.
func download(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: get URL FILE")
	}
	response, err := http.Get(args[0])
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", response.Status, body)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o600))
}

// waitFor waits until a file matches a regular expression, and puts into the
// environment what its named groups match: waitfor FILE REGEXP.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE REGEXP")
	}
	pattern := regexp.MustCompile(args[1])
	var content []byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		content, _ = os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if found := pattern.FindSubmatch(content); found != nil {
			for i, name := range pattern.SubexpNames()[1:] {
				ts.Setenv(name, string(found[i+1]))
			}
			return
		}
	}
	ts.Fatalf("%s does not match %s in time:\n%s", args[0], pattern, content)
}
