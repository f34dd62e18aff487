package autodiscover

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"fbgate/availability"
	"fbgate/translate/wirexml"
)

func appendPOX(dst []byte, m availability.Mailbox) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>`...)
	dst = wirexml.AppendText(dst, string(m))
	return append(dst, `</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`...)
}

// document is the reply as it comes. An error has another namespace than an account.
type document struct {
	XMLName xml.Name `xml:"Autodiscover"`
	Error   *struct {
		Code string `xml:"ErrorCode"`
		Text string `xml:"Message"`
	} `xml:"Response>Error"`
	Account *account `xml:"Response>Account"`
}

type account struct {
	Action          string
	RedirectAddress string `xml:"RedirectAddr"`
	RedirectURL     string `xml:"RedirectUrl"`
	Protocols       []struct {
		Type          string
		ServerVersion string
		EWS           string `xml:"EwsUrl"`
	} `xml:"Protocol"`
}

func parsePOX(body []byte) (Result, error) {
	var d document
	if err := wirexml.Decode(body, &d); err != nil {
		return Result{}, notXML(body, err)
	}
	switch {
	case d.Error != nil:
		reason := availability.Because(availability.NotDiscovered, "ErrorCode %s: %s", shorten(d.Error.Code, 20), shorten(d.Error.Text, 200))
		if strings.TrimSpace(d.Error.Code) == "500" { // "The e-mail address cannot be found."
			reason.Code = availability.UnknownMailbox
		}
		return Result{}, reason
	case d.Account == nil:
		return Result{}, availability.Because(availability.BadResponse, "the reply has neither Account nor Error")
	}
	return d.Account.result()
}

func (a *account) result() (Result, error) {
	switch action := strings.TrimSpace(a.Action); action {
	case "settings":
		return a.settings()
	case "redirectAddr":
		return redirectAddress(strings.TrimSpace(a.RedirectAddress))
	case "redirectUrl":
		return redirectURL(strings.TrimSpace(a.RedirectURL))
	default:
		return Result{}, availability.Because(availability.BadResponse, "Action %.40q is none of settings, redirectAddr, redirectUrl", action)
	}
}

// settings takes the URL of the protocol EXPR, for clients outside, or else that of
// EXCH, for those inside: a server without Outlook Anywhere has no EXPR.
func (a *account) settings() (Result, error) {
	var result Result
	var outside bool
	for _, p := range a.Protocols {
		kind, url := strings.TrimSpace(p.Type), strings.TrimSpace(p.EWS)
		if version := serverVersion(p.ServerVersion); version != "" {
			result.ServerVersion = version
		}
		if url != "" && !outside && (kind == "EXPR" || kind == "EXCH") {
			result.EWS, outside = url, kind == "EXPR"
		}
	}
	if result.EWS == "" {
		return Result{}, noURL()
	}
	return result, nil
}

// serverVersion reads the packed number of a protocol, such as "720082AD" for
// 8.0.685: four bits for its structure, six each for major and minor version, one
// bit, and fifteen for the build ([MS-OXDSCLI] ServerVersion).
func serverVersion(packed string) string {
	v, err := strconv.ParseUint(strings.TrimSpace(packed), 16, 32)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", v>>22&0x3f, v>>16&0x3f, v&0x7fff)
}
