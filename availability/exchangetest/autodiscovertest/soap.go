package autodiscovertest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const (
	nsSOAP         = "http://schemas.xmlsoap.org/soap/envelope/"
	nsAddressing   = "http://www.w3.org/2005/08/addressing"
	nsAutodiscover = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
)

const (
	getUserSettings   = "GetUserSettings"
	getDomainSettings = "GetDomainSettings"
)

// known are settings the service can be asked for, of many more.
var known = map[string][]string{
	getUserSettings:   {"ExternalEwsUrl", "InternalEwsUrl", "CasVersion", "EwsSupportedSchemas"},
	getDomainSettings: {"ExternalEwsUrl", "ExternalEwsVersion"},
}

// question is a request that was understood.
type question struct {
	operation, subject string
	settings           []string
}

func (s *Service) answerSOAP(r *http.Request, body []byte, f Fault, record *Request) (status int, xml []byte) {
	q, err := readSOAP(r, body)
	if err != nil {
		record.Refused = err.Error()
		return http.StatusInternalServerError, s.soapFault("a:InvalidRequest", err.Error())
	}
	record.Operation, record.Subject = q.operation, q.subject
	if f.SOAPFault != "" {
		return http.StatusInternalServerError, s.soapFault(f.SOAPFault, "The message cannot be processed.")
	}
	return http.StatusOK, s.respond(q, f)
}

// readSOAP reads a request, strictly.
func readSOAP(r *http.Request, body []byte) (q question, err error) {
	root, err := parse(body)
	if err != nil {
		return q, err
	}
	if root.name != (xml.Name{Space: nsSOAP, Local: "Envelope"}) {
		return q, fmt.Errorf("%v is no envelope of SOAP 1.1", root.name)
	}
	parts, err := root.exactly(nsSOAP, "Header", "Body")
	if err != nil {
		return q, err
	}
	if q.operation, err = readHeader(r, parts[0]); err != nil {
		return q, err
	}
	request, err := parts[1].only(nsAutodiscover, q.operation+"RequestMessage", "Request")
	if err != nil {
		return q, err
	}
	group, way := "Users", []string{"User", "Mailbox"}
	if q.operation == getDomainSettings {
		group, way = "Domains", []string{"Domain"}
	}
	lists, err := request.exactly(nsAutodiscover, group, "RequestedSettings")
	if err != nil {
		return q, err
	}
	subject, err := lists[0].only(nsAutodiscover, way...)
	if err != nil {
		return q, err
	}
	q.subject = subject.data
	for _, setting := range lists[1].children {
		if setting.name != (xml.Name{Space: nsAutodiscover, Local: "Setting"}) || !slices.Contains(known[q.operation], setting.data) {
			return q, fmt.Errorf("%v %q is no setting of %s", setting.name, setting.data, q.operation)
		}
		q.settings = append(q.settings, setting.data)
	}
	if q.subject == "" || len(q.settings) == 0 {
		return q, errors.New("nothing is asked for")
	}
	return q, nil
}

// readHeader returns the operation. The Action has to be that of the SOAPAction, and
// To the URL itself, as WCF wants it.
func readHeader(r *http.Request, header *element) (operation string, err error) {
	values := make(map[xml.Name]string)
	for _, e := range header.children {
		values[e.name] = e.data
	}
	if v := values[xml.Name{Space: nsAutodiscover, Local: "RequestedServerVersion"}]; !strings.HasPrefix(v, "Exchange201") {
		return "", fmt.Errorf("the RequestedServerVersion is %q", v)
	}
	to := values[xml.Name{Space: nsAddressing, Local: "To"}]
	if !strings.HasSuffix(to, "://"+r.Host+r.URL.Path) {
		return "", fmt.Errorf("the To is %q, and the URL %s%s", to, r.Host, r.URL.Path)
	}
	action := values[xml.Name{Space: nsAddressing, Local: "Action"}]
	if header := r.Header.Get("SOAPAction"); header != `"`+action+`"` {
		return "", fmt.Errorf("the Action is %q and SOAPAction %s", action, header)
	}
	operation, ok := strings.CutPrefix(action, nsAutodiscover+"/Autodiscover/")
	if !ok || known[operation] == nil {
		return "", fmt.Errorf("no operation has the Action %q", action)
	}
	return operation, nil
}
