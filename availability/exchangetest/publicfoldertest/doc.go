// Package publicfoldertest is a pretend Exchange 2003: a strict stand-in for the
// free/busy that it hands out over HTTP,
//
//	GET /public/?Cmd=freebusy&start=…&end=…&interval=15&u=SMTP:mary@contoso.com
//
// for tests and for "fbgate demo".
//
// It reads the protocol for itself, from what is known of servers and from their
// captured replies, and shares no code with fbgate's own translation, so that a
// misreading there is not repeated here. Like IIS 6 with URLScan it takes only so
// long a query, like Exchange it answers XML to nobody but Internet Explorer, and
// what goes wrong with servers and the network between can be ordered as a [Fault].
//
//	x := publicfoldertest.New()
//	x.SetCalendar("mary@contoso.com", appointments...)
//	url, stop, err := x.Start()
package publicfoldertest
