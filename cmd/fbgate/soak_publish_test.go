package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// publishedMailbox is one whose client publishes its free/busy, week after week the same
// half-hours of one day.
type publishedMailbox struct {
	put   bool   // as a file; else into the folder
	u     string // as clients ask for it
	name  string
	start time.Time

	mu       sync.Mutex
	versions []publishedVersion
}

// publishedVersion is what was published, and when: from some moment between begun and
// acknowledged on.
type publishedVersion struct {
	digits              string // of eight hours, in hours
	begun, acknowledged time.Time
}

const publishedHours = 8

func (s *soak) newPublished(n int) *publishedMailbox {
	p := &publishedMailbox{put: n%2 == 0, start: tomorrow()}
	if p.put {
		p.name = fmt.Sprintf("pub%d@published.example", n)
		p.u = "SMTP:" + p.name
	} else {
		p.name = fmt.Sprintf("pub%d", n)
		p.u = "EX:/o=Model/ou=Group/cn=Recipients/cn=" + p.name
	}
	return p
}

// publish writes another version.
func (p *publishedMailbox) publish(s *soak, dice *rand.Rand) {
	digits := make([]byte, publishedHours)
	var busy []time.Time
	for i := range digits {
		if digits[i] = '0'; dice.IntN(2) == 0 {
			digits[i] = '2'
			busy = append(busy, p.start.Add(time.Duration(i)*time.Hour))
		}
	}
	method, target, body := p.request(busy)
	p.mu.Lock()
	at := len(p.versions)
	p.versions = append(p.versions, publishedVersion{digits: string(digits), begun: time.Now()})
	p.mu.Unlock()
	response := s.over(s.server.clients, method, target, body, http.Header{"Authorization": {strings.TrimPrefix(asSync, "Authorization: ")}})
	if response.Code/100 != 2 {
		s.wrong("%s %s: %d %s", method, target, response.Code, response.Body)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions[at].acknowledged = time.Now()
}

func (p *publishedMailbox) request(busy []time.Time) (method, target, body string) {
	if !p.put {
		body := patch(p.start)
		one := block(p.start) // that hour alone, in a month of its own
		var blocks []byte
		for _, at := range busy {
			hour, err := base64.StdEncoding.DecodeString(block(at))
			if err != nil {
				panic(err)
			}
			blocks = append(blocks, hour...)
		}
		body = strings.Replace(body, "<c:v>"+one+"</c:v>", "<c:v>"+base64.StdEncoding.EncodeToString(blocks)+"</c:v>", 1)
		return "PROPPATCH", "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Model_xF8FF_ou=Group/USER-_xF8FF_cn=Recipients_xF8FF_cn=" + p.name + ".EML", body
	}
	body = strings.ReplaceAll(file(p.start), "mary@contoso.com", p.name)
	var lines strings.Builder
	for _, at := range busy {
		lines.WriteString("FREEBUSY:" + at.Format("20060102T150405Z") + "/PT1H\r\n")
	}
	body = strings.Replace(body, "FREEBUSY:"+p.start.Format("20060102T150405Z")+"/PT1H\r\n", lines.String(), 1)
	return http.MethodPut, "/freebusy/" + p.name + ".vfb", body
}

// compare asks, and compares with what may have been published then.
func (p *publishedMailbox) compare(s *soak) {
	begun := time.Now()
	target := fmt.Sprintf("/public/?Cmd=freebusy&start=%s&end=%s&interval=60&u=%s", p.start.Format(time.RFC3339), p.start.Add(publishedHours*time.Hour).Format(time.RFC3339), p.u)
	response := s.ask(http.MethodGet, target, "")
	ended := time.Now()
	rows := digitsIn.FindAllStringSubmatch(response.Body.String(), -1)
	if response.Code != http.StatusOK || len(rows) != 2 {
		s.wrong("%s: %d %s", target, response.Code, response.Body)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	may := []string{}
	if len(p.versions) == 0 || p.versions[0].acknowledged.IsZero() || !p.versions[0].acknowledged.Before(begun) {
		may = append(may, strings.Repeat("4", publishedHours))
	}
	for i, v := range p.versions {
		replaced := i+1 < len(p.versions) && !p.versions[i+1].acknowledged.IsZero() && p.versions[i+1].acknowledged.Before(begun)
		if v.begun.Before(ended) && !replaced {
			may = append(may, v.digits)
		}
	}
	if !slices.Contains(may, rows[1][1]) {
		s.wrong("%s is %s, and may be %v", p.name, rows[1][1], may)
	}
}
