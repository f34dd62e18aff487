package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// validator checks what one value alone does not show. Values that are faulty
// by themselves are empty here and passed over.
type validator struct {
	origin *origin
	faults Faults
}

func validate(c *Config) Faults {
	v := validator{origin: c.origin}
	v.listeners(c)
	v.names(c.Organizations)
	v.domains(c.Organizations)
	for i, o := range c.Organizations {
		path := fmt.Sprintf("organizations[%d]", i)
		v.plainHTTP(o, path)
		v.password(o.Credential, path+".credential")
	}
	return v.faults
}

func (v *validator) fault(path, problem, instead string) {
	v.faults = append(v.faults, v.origin.fault(path, problem, instead))
}

// listeners keeps the operators' address apart from the clients', and closed to
// strangers.
func (v *validator) listeners(c *Config) {
	host, port, _ := net.SplitHostPort(c.Admin.Listen)
	if collide(c.Listen, c.Admin.Listen) {
		path := "admin.listen"
		if !v.origin.has(path) {
			path = "listen"
		}
		problem := fmt.Sprintf("clients at %s and operators at %s cannot share a port", c.Listen, c.Admin.Listen)
		v.fault(path, problem, "write another one in listen or in admin.listen")
	}
	if !IsLoopback(host) && c.Admin.TokenFile == "" && !v.origin.has("admin.token_file") {
		v.fault("admin.listen", c.Admin.Listen+" can be reached from other machines, and no token is asked for",
			"write token_file below it, or listen on 127.0.0.1:"+port)
	}
}

// collide reports whether only one of two addresses can be listened on. Every
// interface includes the other's; port 0 is another one each time.
func collide(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	if portA != portB || portA == "0" {
		return false
	}
	return isEverywhere(hostA) || isEverywhere(hostB) || sameHost(hostA) == sameHost(hostB)
}

func isEverywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}

// sameHost writes a host in one way. Go listens on the IPv4 of localhost.
func sameHost(host string) string {
	host = strings.ToLower(host)
	if host == "localhost" {
		return "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return host
}

func (v *validator) names(organizations []Organization) {
	first := map[string]string{}
	for i, o := range organizations {
		path := fmt.Sprintf("organizations[%d].name", i)
		v.once(first, strings.ToLower(o.Name), path, "write another name")
	}
}

func (v *validator) domains(organizations []Organization) {
	first := map[string]string{}
	for i, o := range organizations {
		for j, d := range o.Domains {
			path := fmt.Sprintf("organizations[%d].domains[%d]", i, j)
			v.once(first, d, path, "leave it to one organization")
		}
	}
}

// once reports a value that stood at another path before.
func (v *validator) once(first map[string]string, value, path, instead string) {
	if value == "" {
		return
	}
	if before, ok := first[value]; ok {
		v.fault(path, fmt.Sprintf("%s is in line %d already, in %s", quote(value), v.origin.line(before), before), instead)
		return
	}
	first[value] = path
}

// plainHTTP allows http where nobody can listen in, or where it is asked for.
func (v *validator) plainHTTP(o Organization, path string) {
	u, err := url.Parse(o.TargetSharingEPR)
	if err != nil || u.Scheme != "http" || o.InsecureHTTP || IsLoopback(u.Hostname()) {
		return
	}
	v.fault(path+".target_sharing_epr", "plain http shows passwords and calendars to the network",
		"write https://, or, if that cannot be, insecure_http: true")
}

// password wants exactly one place to read it from.
func (v *validator) password(c *Credential, path string) {
	if c == nil || v.origin.has(path+".password") {
		return
	}
	switch file, env := v.origin.has(path+".password_file"), v.origin.has(path+".password_env"); {
	case file && env:
		v.fault(path+".password_env", "the password is named twice", "write only one of password_file and password_env")
	case !file && !env:
		v.fault(path, "no password is named", "write password_file or password_env")
	}
}
