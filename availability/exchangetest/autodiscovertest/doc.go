// Package autodiscovertest is a pretend Autodiscover service: a strict stand-in for
// autodiscover.svc (SOAP, [MS-OXWSADISC]) and autodiscover.xml (POX, [MS-OXDSCLI])
// of an Exchange server, for tests.
//
// Like exchangetest it reads the protocol for itself and shares no code with
// fbgate's own translation. What goes wrong with servers, and with what stands in
// front of them, can be ordered as a [Fault].
//
//	s := autodiscovertest.New(autodiscovertest.Exchange2013)
//	s.SetMailbox("mary@contoso.com", autodiscovertest.Mailbox{ExternalEWS: url})
package autodiscovertest
