package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"fbgate/cmd/fbgate/config"
)

// notify tells the service manager what goes on, in the words of sd_notify(3). With
// no manager that wants to know it does nothing.
func notify(states ...string) error {
	// A leading @ stands for the abstract namespace, here as in package net.
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil { // its queue may be full
		return fmt.Errorf("tell the service manager: %w", err)
	}
	if _, err := conn.Write([]byte(strings.Join(states, "\n"))); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// watchdog is how often the service manager wants to hear that this process is well,
// or it restarts it: see sd_watchdog_enabled(3). 0 stands for never.
func watchdog() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0 // somebody else is meant, who started this process
	}
	µs, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || µs <= 0 || µs > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(µs) * time.Microsecond
}

// tell notifies the service manager. That it cannot be told is no reason to stop
// serving, but it may be one for the manager to stop us.
func (s *server) tell(states ...string) {
	if err := notify(states...); err != nil {
		s.log.Warn("the service manager was not told", "state", states[0], "error", err)
	}
}

// tellReady is to be called once every listener serves, and after a reload.
func (s *server) tellReady() {
	s.tell("READY=1", fmt.Sprintf("STATUS=Serving %s at %s, operators at %s",
		count(len(s.config().Organizations), "organization"), s.clients, s.operators))
}

// tellStopping asks for the delay, in which requests are still taken, for the time that
// stop may take, and a little more.
func (s *server) tellStopping(delay config.Duration) {
	what := "Letting the requests under way finish"
	if delay > 0 {
		what = fmt.Sprintf("Serving on for %s, not ready any more", delay)
	}
	s.tell("STOPPING=1", "STATUS="+what,
		fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (time.Duration(delay+s.config().AnswerTimeout)+10*time.Second).Microseconds()))
}
