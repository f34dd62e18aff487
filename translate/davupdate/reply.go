package davupdate

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"fbgate/translate/wirexml"
)

// PropertyError says that the server did not take a property, or the item.
type PropertyError struct {
	Status   int    // of HTTP
	Property string // its local name, empty if it is the item as a whole
}

func (e *PropertyError) Error() string {
	if e.Property == "" {
		return fmt.Sprintf("the item has status %d", e.Status)
	}
	return fmt.Sprintf("the property %.60q has status %d", e.Property, e.Status)
}

type multistatus struct {
	XMLName   xml.Name   `xml:"DAV: multistatus"`
	Responses []response `xml:"DAV: response"`
}

type response struct {
	Status    string     `xml:"DAV: status"`
	Propstats []propstat `xml:"DAV: propstat"`
}

type propstat struct {
	Status string `xml:"DAV: status"`
	Prop   struct {
		Names []struct{ XMLName xml.Name } `xml:",any"`
	} `xml:"DAV: prop"`
}

// ReadReply returns nil if the body of a reply with status 207 says that everything was
// done. What was refused is a *PropertyError, the first one; what is no such reply is
// another error. The caller bounds the size of body.
func ReadReply(body []byte) error {
	var reply multistatus
	if err := wirexml.Decode(body, &reply); err != nil {
		return err
	}
	if len(reply.Responses) != 1 {
		return fmt.Errorf("the reply speaks of %d items, not of one", len(reply.Responses))
	}
	r := reply.Responses[0]
	if r.Status == "" && len(r.Propstats) == 0 {
		return fmt.Errorf("the reply has no status")
	}
	if r.Status != "" {
		if err := done(r.Status, ""); err != nil {
			return err
		}
	}
	for _, p := range r.Propstats {
		name := "?"
		if len(p.Prop.Names) > 0 {
			name = p.Prop.Names[0].XMLName.Local
		}
		if err := done(p.Status, name); err != nil {
			return err
		}
	}
	return nil
}

// done reads a line such as "HTTP/1.1 200 OK".
func done(line, property string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/") {
		return fmt.Errorf("%.100q is not the status of a property", line)
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil || len(fields[1]) != 3 {
		return fmt.Errorf("%.100q is not the status of a property", line)
	}
	if status < 200 || status > 299 {
		return &PropertyError{status, property}
	}
	return nil
}
