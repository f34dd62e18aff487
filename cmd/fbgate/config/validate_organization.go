package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// methodKeys are the keys that only some access methods have a use for.
var methodKeys = []struct {
	key     string
	methods []string
}{
	{"target_sharing_epr", []string{"OrgWideFB"}},
	{"target_autodiscover_epr", []string{"OrgWideFB"}},
	{"proxy_url", []string{"InternalProxy"}},
	{"public_folder_url", []string{"PublicFolder"}},
	{"impersonate", []string{"OrgWideFB", "InternalProxy"}},
	{"requested_view", []string{"OrgWideFB", "InternalProxy"}},
	{"request_server_version", []string{"OrgWideFB", "InternalProxy"}},
	{"digit_4", []string{"OrgWideFB", "InternalProxy"}},
}

// needed is the key an access method cannot do without.
var needed = map[string]string{"InternalProxy": "proxy_url", "PublicFolder": "public_folder_url"}

// URLs returns where the organization is asked, none if that has to be found out.
func (o *Organization) URLs() []string {
	switch o.AccessMethod {
	case "InternalProxy":
		return o.ProxyURL
	case "PublicFolder":
		return o.PublicFolderURL
	}
	return o.TargetSharingEPR
}

// method wants the keys of the organization's access method and no others.
func (v *validator) method(o Organization, path string) {
	for _, k := range methodKeys {
		if v.origin.has(path+"."+k.key) && !slices.Contains(k.methods, o.AccessMethod) && o.AccessMethod != "" {
			v.fault(path+"."+k.key, "this is for access_method "+list(k.methods)+", and here it is "+o.AccessMethod, "remove it, or correct access_method")
		}
	}
	if key := needed[o.AccessMethod]; key != "" && !v.origin.has(path+"."+key) {
		v.fault(path+"."+key, "missing", "write it: "+o.AccessMethod+" asks there")
	}
	if o.AccessMethod == "OrgWideFB" && !v.origin.has(path+".target_sharing_epr") && !v.origin.has(path+".target_autodiscover_epr") {
		for j, d := range o.Domains {
			if d == "*" {
				v.fault(fmt.Sprintf("%s.domains[%d]", path, j), "Autodiscover cannot find one server for every domain", "write target_sharing_epr, or the domains by name")
			}
		}
	}
}

// urls allows http where nobody can listen in, or where it is asked for.
func (v *validator) urls(o Organization, path string) {
	check := func(path, text string) {
		u, err := url.Parse(text)
		if err == nil && u.Scheme == "http" && !o.InsecureHTTP && !IsLoopback(u.Hostname()) {
			v.fault(path, "plain http shows passwords and calendars to the network",
				"write https://, or, if that cannot be, insecure_http: true")
		}
		if err == nil && u.Scheme == "http" && slices.ContainsFunc(o.Credential, func(k Credential) bool { return k.Type == "certificate" }) {
			v.fault(path, "a certificate is shown by https only", "write https://")
		}
		if err == nil && isOnline(u.Hostname()) && slices.ContainsFunc(o.Credential, func(k Credential) bool { return k.Type != "oauth2" }) {
			v.fault(path, "Exchange Online takes no account but one by OAuth 2", "write a credential of type oauth2")
		}
	}
	for key, texts := range map[string][]string{
		"target_sharing_epr": o.TargetSharingEPR, "proxy_url": o.ProxyURL, "public_folder_url": o.PublicFolderURL,
	} {
		for j, text := range texts {
			check(v.origin.entry(path+"."+key, j), text)
		}
	}
	check(path+".target_autodiscover_epr", o.TargetAutodiscoverEPR)
	for j, host := range o.TrustedHosts {
		if host == "*" {
			v.fault(fmt.Sprintf("%s.trusted_hosts[%d]", path, j), "this would show the credential to everybody", `write hosts by name, or for example "*.fabrikam.com"`)
		} else if below, wild := strings.CutPrefix(host, "*."); wild && !strings.Contains(below, ".") {
			v.fault(fmt.Sprintf("%s.trusted_hosts[%d]", path, j), "this would show the credential to half of the world", `write hosts by name, or for example "*.fabrikam.com"`)
		}
	}
}

// view keeps from asking for what must not leave.
func (v *validator) view(o Organization, path string) {
	if o.RequestedView == "DetailedMerged" && o.FreeBusyAccessLevel != "limited_details" && o.FreeBusyAccessLevel != "" {
		v.fault(path+".requested_view", "DetailedMerged has subjects and places, which free_busy_access_level does not allow",
			"write FreeBusyMerged, or free_busy_access_level: limited_details")
	}
}

// thens wants the organizations that are asked next to exist and to come to an end.
func (v *validator) thens(organizations []Organization) {
	next := map[string]string{}
	for _, o := range organizations {
		next[strings.ToLower(o.Name)] = strings.ToLower(o.Then)
	}
	for i, o := range organizations {
		path := fmt.Sprintf("organizations[%d].then", i)
		if o.Then == "" {
			continue
		}
		if _, ok := next[strings.ToLower(o.Then)]; !ok {
			var names []string
			for _, other := range organizations {
				if other.Name != o.Name {
					names = append(names, other.Name)
				}
			}
			v.fault(path, "there is no organization "+quote(o.Then), "write the name of another one here: "+strings.Join(names, ", "))
			continue
		}
		seen := map[string]bool{}
		for at := strings.ToLower(o.Name); at != ""; at = next[at] {
			if seen[at] {
				v.fault(path, "this leads round in a circle", "let one of them be the last to be asked")
				break
			}
			seen[at] = true
		}
	}
}
