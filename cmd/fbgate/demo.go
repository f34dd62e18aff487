package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/publicfoldertest"
	"fbgate/cmd/fbgate/config"
)

type demoCommand struct {
	Listen      string `placeholder:"HOST:PORT" default:"127.0.0.1:8080" help:"Where clients ask. Default: ${default}"`
	AdminListen string `placeholder:"HOST:PORT" default:"127.0.0.1:8081" help:"Where operators ask. Default: ${default}"`
	Once        bool   `help:"Exit after printing instead of waiting for Ctrl-C."`
	Verbose     bool   `help:"Show the log."`
}

// demoAccount is the account the pretend organizations demand.
const demoAccount, demoPassword = "svc-freebusy", "correct horse battery staple"

// wrong implements checked.
func (d *demoCommand) wrong() error {
	for flag, address := range map[string]string{"--listen": d.Listen, "--admin-listen": d.AdminListen} {
		if host, _, err := net.SplitHostPort(address); err != nil || !config.IsLoopback(host) {
			return fmt.Errorf("%s: %q is not HOST:PORT of this machine alone; write for example 127.0.0.1:8080", flag, address)
		}
	}
	return nil
}

// Run starts everything, asks one question and serves on.
func (d *demoCommand) Run(ctx context.Context, console console) error {
	contoso, stop, err := pretend(exchangetest.Exchange2010, contosoPeople())
	if err != nil {
		return err
	}
	defer stop()
	fabrikam, stop, err := pretend(exchangetest.Exchange2019, fabrikamPeople())
	if err != nil {
		return err
	}
	defer stop()
	northwind, stop, err := pretend2003(northwindPeople())
	if err != nil {
		return err
	}
	defer stop()

	if err := os.Setenv("FBGATE_DEMO_PASSWORD", demoPassword); err != nil {
		return err
	}
	c, err := config.Parse("demo", fmt.Appendf(nil, demoConfig, d.Listen, d.AdminListen, contoso, fabrikam, northwind))
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if d.Verbose {
		log = newLog(c.Log, new(slog.LevelVar), console.err)
	}
	running, err := start(c, log)
	if err != nil {
		return err
	}
	if err := d.show(ctx, console.out, running); err != nil || d.Once {
		return errors.Join(err, running.stop())
	}
	fmt.Fprintln(console.out, "\nIt goes on until you press Ctrl-C.")
	return running.until(ctx)
}

const demoConfig = `
listen: %s
admin: {listen: %s}
organizations:
  - name: contoso
    domains: [contoso.com]
    target_sharing_epr: %s
    credential: {type: basic, username: svc-freebusy, password_env: FBGATE_DEMO_PASSWORD}
  - name: fabrikam
    domains: [fabrikam.com, "*.fabrikam.com"]
    target_sharing_epr: %s
    credential: {type: basic, username: svc-freebusy, password_env: FBGATE_DEMO_PASSWORD}
  - name: northwind
    domains: [northwind.com]
    access_method: PublicFolder
    public_folder_url: %s
    credential: {type: basic, username: svc-freebusy, password_env: FBGATE_DEMO_PASSWORD}
`

// pretend starts a pretend Exchange with people's calendars.
func pretend(d exchangetest.Dialect, people []person) (url string, stop func(), err error) {
	x := exchangetest.New(d)
	x.Username, x.Password = demoAccount, demoPassword
	for _, p := range people {
		x.SetMailbox(p.address, p.calendar...)
		if p.hidden {
			x.SetView(p.address, "None")
		}
	}
	return x.Start()
}

// pretend2003 starts a pretend Exchange 2003, which has free/busy in a public folder.
func pretend2003(people []person) (url string, stop func(), err error) {
	x := publicfoldertest.New()
	x.Username, x.Password = demoAccount, demoPassword
	for _, p := range people {
		x.SetCalendar(p.address, p.calendar...)
	}
	return x.Start()
}

// show asks what a client would and prints request and answer.
func (d *demoCommand) show(ctx context.Context, out io.Writer, s *server) error {
	gateway := "http://" + s.clients.String() + "/public/"
	question := queryCommand{Gateway: gateway, Interval: 30, Mailbox: demoAttendees}
	_, target, err := question.request(time.Now())
	if err != nil {
		return err
	}
	reply, err := ask(ctx, target, "", "")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `Three pretend organizations, contoso.com on Exchange 2010, fabrikam.com on Exchange
2019 and northwind.com still on Exchange 2003, and a gateway in front of them, at
%s.

Ask as Outlook Web Access 2003 does:

  curl '%s'

It answers, one digit for each half hour of today:

%s
The same drawn, and remembered this time:

`, gateway, target, reply.body)
	if err := question.Run(ctx, console{out: out}); err != nil {
		return err
	}
	fmt.Fprintf(out, `
Nina is out of office all day. The front desk is a shared mailbox. Ann works
elsewhere in the morning, which old clients are shown as free. The boss lets
nobody see her calendar, and nobody@fabrikam.com does not exist. Operators see
why a bar is empty, and can have an answer forgotten, so that it is asked again:

  curl http://%[1]s/cache
  curl -X DELETE 'http://%[1]s/cache?mailbox=nobody@fabrikam.com'

or in a browser, where a doctor says what is wrong with a mailbox:

  http://%[1]s/ui/

Clients can ask in other ways, too. This is Mary as an Internet Free/Busy file:

  curl http://%[2]s/freebusy/mary@contoso.com.vfb
`, s.operators.String(), s.clients.String())
	return nil
}
