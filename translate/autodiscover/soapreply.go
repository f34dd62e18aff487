package autodiscover

import (
	"cmp"
	"encoding/xml"
	"strings"

	"fbgate/availability"
	"fbgate/translate/wirexml"
)

// envelope is the reply as it comes.
type envelope struct {
	XMLName xml.Name `xml:"Envelope"`
	Version struct {
		Major      string `xml:"MajorVersion"`
		Minor      string `xml:"MinorVersion"`
		MajorBuild string `xml:"MajorBuildNumber"`
		MinorBuild string `xml:"MinorBuildNumber"`
	} `xml:"Header>ServerVersionInfo"`
	Fault *struct {
		Code string `xml:"faultcode"`
		Text string `xml:"faultstring"`
	} `xml:"Body>Fault"`
	User   *response `xml:"Body>GetUserSettingsResponseMessage>Response"`
	Domain *response `xml:"Body>GetDomainSettingsResponseMessage>Response"`
}

// failure is at the head of the whole response, of what it says of one subject, and
// of one setting of that.
type failure struct {
	Code string `xml:"ErrorCode"`
	Text string `xml:"ErrorMessage"`
}

type response struct {
	failure
	Users   []subject `xml:"UserResponses>UserResponse"`
	Domains []subject `xml:"DomainResponses>DomainResponse"`
}

// subject is what is said of a user or a domain.
type subject struct {
	failure
	Redirect string           `xml:"RedirectTarget"`
	Of       []setting        `xml:"UserSettings>UserSetting"`
	OfDomain []setting        `xml:"DomainSettings>DomainSetting"`
	Errors   []settingFailure `xml:"UserSettingErrors>UserSettingError"`
	Missing  []settingFailure `xml:"DomainSettingErrors>DomainSettingError"`
}

type setting struct {
	Name  string
	Value string
}

type settingFailure struct {
	failure
	Name string `xml:"SettingName"`
}

func (o Operation) parseSOAP(body []byte) (Result, error) {
	var e envelope
	if err := wirexml.Decode(body, &e); err != nil {
		return Result{}, notXML(body, err)
	}
	if e.Fault != nil {
		return Result{}, availability.Because(availability.NotDiscovered, "SOAP fault %s: %s", shorten(e.Fault.Code, 60), shorten(e.Fault.Text, 200))
	}
	reply := e.User
	if o == GetDomainSettings {
		reply = e.Domain
	}
	if reply == nil {
		return Result{}, availability.Because(availability.BadResponse, "the SOAP reply has no %sResponseMessage", o)
	}
	subjects := append(reply.Users, reply.Domains...)
	if len(subjects) != 1 {
		if reason := reply.reason(); reason != nil {
			return Result{}, reason
		}
		return Result{}, availability.Because(availability.BadResponse, "%d answers to one question", len(subjects))
	}
	result, err := subjects[0].result()
	result.ServerVersion = cmp.Or(e.version(), result.ServerVersion)
	return result, err
}

// result returns what is said of one subject. Services write a RedirectTarget only
// where the code says so.
func (s *subject) result() (Result, error) {
	switch target := strings.TrimSpace(s.Redirect); strings.TrimSpace(s.Code) {
	case "RedirectAddress":
		return redirectAddress(target)
	case "RedirectUrl":
		return redirectURL(target)
	}
	if reason := s.reason(); reason != nil {
		return Result{}, reason
	}
	values := make(map[string]string)
	for _, v := range append(s.Of, s.OfDomain...) {
		values[strings.TrimSpace(v.Name)] = strings.TrimSpace(v.Value)
	}
	result := Result{
		EWS:           cmp.Or(values[externalEWS], values[internalEWS]),
		ServerVersion: shorten(values[casVersion], 40),
		Schemas:       shorten(values[ewsSchemas], 400),
	}
	if result.EWS == "" {
		return Result{}, s.missing()
	}
	return result, nil
}

// missing says why there is no URL, as far as the errors of settings tell.
func (s *subject) missing() *availability.Reason {
	for _, failed := range append(s.Errors, s.Missing...) {
		reason := failed.reason()
		if name := strings.TrimSpace(failed.Name); reason != nil && (name == externalEWS || name == internalEWS) {
			reason.Detail = name + ": " + reason.Detail
			return reason
		}
	}
	return noURL()
}

func noURL() *availability.Reason {
	return availability.Because(availability.NotDiscovered, "the service answers but names no EWS URL")
}

// errorCodes say what an ErrorCode means. Others are NotDiscovered: the service has
// no answer.
var errorCodes = map[string]availability.Code{
	"InvalidUser":         availability.UnknownMailbox,
	"ServerBusy":          availability.Throttled,
	"InternalServerError": availability.UpstreamFailure,
	"InvalidRequest":      availability.RequestRejected,
}

// reason returns nil if there is no failure.
func (f failure) reason() *availability.Reason {
	code := strings.TrimSpace(f.Code)
	if code == "" || code == "NoError" {
		return nil
	}
	meaning := cmp.Or(errorCodes[code], availability.NotDiscovered)
	if strings.TrimSpace(f.Text) == "InvalidUser" {
		meaning = availability.UnknownMailbox // so worded for a setting
	}
	reason := &availability.Reason{Code: meaning, Detail: shorten(code, 60)}
	if text := shorten(f.Text, 200); text != "" {
		reason.Detail += ": " + text
	}
	if meaning == availability.Throttled {
		reason.Scope = availability.OfServer
	}
	return reason
}

func (e *envelope) version() string {
	v := e.Version
	if v.Major == "" {
		return ""
	}
	return shorten(v.Major+"."+v.Minor+"."+v.MajorBuild+"."+v.MinorBuild, 40)
}
