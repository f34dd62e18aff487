package access_test

import (
	"testing"

	"fbgate/availability"
	"fbgate/availability/access"
)

func TestPeople(t *testing.T) {
	people := access.NewPeople([]string{"Mary", "joe@contoso.com", "Board", "CN=Staff,DC=contoso", ""}, []string{"CONTOSO"})
	for name, test := range map[string]struct {
		who  availability.Requester
		want bool
	}{
		"nobody":                         {availability.Requester{}, false},
		"nobody, in a group":             {availability.Requester{Groups: []string{"board"}}, false},
		"by name":                        {availability.Requester{Name: "mary"}, true},
		"by name, in another case":       {availability.Requester{Name: "MARY"}, true},
		"by name, of an own domain":      {availability.Requester{Name: `contoso\mary`}, true},
		"by name, of another domain":     {availability.Requester{Name: `FABRIKAM\mary`}, false},
		"by name, of no domain":          {availability.Requester{Name: `\mary`}, false},
		"a domain alone":                 {availability.Requester{Name: `CONTOSO\`}, false},
		"more of a name":                 {availability.Requester{Name: "mary2"}, false},
		"less of a name":                 {availability.Requester{Name: "mar"}, false},
		"by address":                     {availability.Requester{Name: "jm", Mailbox: "joe@contoso.com"}, true},
		"by an address that is the name": {availability.Requester{Name: "joe@contoso.com"}, true},
		"another address":                {availability.Requester{Name: "joe", Mailbox: "joe@fabrikam.com"}, false},
		"by group":                       {availability.Requester{Name: "paul", Groups: []string{"sales", "board"}}, true},
		"by a group's whole name":        {availability.Requester{Name: "paul", Groups: []string{"cn=staff,dc=contoso"}}, true},
		"another group":                  {availability.Requester{Name: "paul", Groups: []string{"sales"}}, false},
		"a group without a name":         {availability.Requester{Name: "paul", Groups: []string{""}}, false},
	} {
		if got := people.Hold(test.who); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (access.People{}).Hold(availability.Requester{Name: "mary", Groups: []string{"board"}}) {
		t.Error("the zero value is somebody")
	}
}
