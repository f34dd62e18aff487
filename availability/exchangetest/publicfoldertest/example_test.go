package publicfoldertest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/availability/exchangetest/publicfoldertest"
)

func Example() {
	server := publicfoldertest.New()
	server.SetCalendar("mary@contoso.com", span(at(9, 0), at(10, 30), availability.Busy))
	url, stop, err := server.Start()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	r, err := http.NewRequest(http.MethodGet, url+"?Cmd=freebusy&start=2026-10-16T08:00:00Z&end=2026-10-16T12:00:00Z&interval=30&u=SMTP:mary@contoso.com", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r.Header.Set("User-Agent", msie)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, row, _ := strings.Cut(string(body), "<a:email")
	_, row, _ = strings.Cut(row, "<a:fbdata>")
	digits, _, _ := strings.Cut(row, "<")
	fmt.Println(digits)
	// Output: 00222000
}
