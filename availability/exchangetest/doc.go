// Package exchangetest is a pretend Exchange: a strict stand-in for the
// GetUserAvailability operation of Exchange Web Services, for tests, for
// "fbgate demo" and for load.
//
// It reads the protocol for itself, from [MS-OXWAVLS], the published schema and
// captures of real servers, and shares no code with fbgate's own translation,
// so that a misreading there is not repeated here. Where a real server refuses,
// it refuses; where servers of different years differ, its [Dialect] does; and
// what goes wrong with servers and the network between can be ordered as a
// [Fault].
//
//	x := exchangetest.New(exchangetest.Exchange2013)
//	x.SetMailbox("mary@contoso.com", appointments...)
//	url, stop, err := x.Start()
//
// Appointments are availability.Spans in exact time. Subjects and places are
// made up by the server; each holds [Confidential], so that a test can prove
// that they go nowhere.
package exchangetest
