package exchangetest_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

func Example() {
	x := exchangetest.New(exchangetest.Exchange2013)
	x.SetMailbox("mary@contoso.com", span(at(9, 0), at(10, 30), availability.Busy))
	url, stop, err := x.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	a := week("mary@contoso.com")
	a.start, a.end = "2026-10-16T08:00:00", "2026-10-16T12:00:00"
	response, err := http.Post(url, "text/xml; charset=utf-8", strings.NewReader(a.String()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	var answer node
	if err := xml.NewDecoder(response.Body).Decode(&answer); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.text("MergedFreeBusy"))
	// Output: 00222000
}
