package autodiscovertest

// Dialect is a server version, as far as Autodiscover differs.
type Dialect uint8

// The dialects.
const (
	// Exchange2007 has no autodiscover.svc, only autodiscover.xml.
	Exchange2007 Dialect = iota
	// Exchange2010 has both. That it is Exchange its refusals do not tell, only
	// that it is IIS.
	Exchange2010
	// Exchange2013 has both, and headers of its own in refusals, too.
	Exchange2013
)

type traits struct {
	soap    bool
	version [4]int // major, minor, major build, minor build
	packed  string // the same in POX
	schemas string // EwsSupportedSchemas
	// header comes with whatever the server answers.
	header map[string]string
}

var dialects = [...]traits{
	Exchange2007: {
		version: [4]int{8, 3, 83, 0}, packed: "72038053",
		header: map[string]string{"Server": "Microsoft-IIS/7.0", "X-Powered-By": "ASP.NET"},
	},
	Exchange2010: {
		soap: true, version: [4]int{14, 3, 123, 3}, packed: "7383807B",
		schemas: "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2",
		header:  map[string]string{"Server": "Microsoft-IIS/7.5", "X-Powered-By": "ASP.NET"},
	},
	Exchange2013: {
		soap: true, version: [4]int{15, 0, 1497, 2}, packed: "73C085D9",
		schemas: "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013, Exchange2013_SP1",
		header: map[string]string{
			"Server": "Microsoft-IIS/8.5", "X-Powered-By": "ASP.NET",
			"request-id": "00000000-0000-4000-8000-000000000001", "X-FEServer": "CAS01", "X-SOAP-Enabled": "True",
		},
	},
}
