package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
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
	if c.Login != nil {
		v.login(c)
	}
	v.rules(c)
	v.names(c.Organizations)
	v.domains(c.Organizations)
	v.thens(c.Organizations)
	for i, o := range c.Organizations {
		path := fmt.Sprintf("organizations[%d]", i)
		v.method(o, path)
		v.urls(o, path)
		v.view(o, path)
		for j, k := range o.Credential {
			v.credential(k, v.origin.entry(path+".credential", j))
		}
	}
	if c.Directory != nil {
		v.directory(c.Directory)
	}
	if c.Publishing != nil {
		v.publishers(c.Publishing.Publishers)
	}
	if c.Publish != nil {
		v.publish(c)
		if c.Publishing != nil && c.Publish.State != "" && filepath.Clean(c.Publish.State) == filepath.Clean(c.Publishing.Store) {
			v.fault("publish.state", "this is publishing.store, too", "name a file of its own")
		}
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
	if t := c.TLS; t != nil && (collide(t.Listen, c.Listen) || collide(t.Listen, c.Admin.Listen)) {
		v.fault("tls.listen", t.Listen+" is taken by listen or admin.listen", "write another port, usually 443")
	}
	if !IsLoopback(host) && c.Admin.TokenFile == "" && !v.origin.has("admin.token_file") {
		v.unguarded(c, port)
	}
	v.operators(c)
	v.strangers(c)
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

// publishers wants each account once, with a password.
func (v *validator) publishers(accounts []PublisherAccount) {
	first := map[string]string{}
	for i, a := range accounts {
		path := fmt.Sprintf("publishing.publishers[%d]", i)
		v.once(first, strings.ToLower(a.Username), path+".username", "write another name")
		v.oneSecret(kind{secrets: anyPassword}, path)
	}
}

// publish wants organizations that exist, a folder to write into, and a directory.
func (v *validator) publish(c *Config) {
	byName := map[string]*Organization{}
	for i := range c.Organizations {
		byName[strings.ToLower(c.Organizations[i].Name)] = &c.Organizations[i]
	}
	first := map[string]string{}
	for i, name := range c.Publish.Organizations {
		path := fmt.Sprintf("publish.organizations[%d]", i)
		v.once(first, strings.ToLower(name), path, "name each once")
		switch {
		case name == "":
		case byName[strings.ToLower(name)] == nil:
			v.fault(path, "there is no organization "+quote(name), "write the name of one that is in this file")
		case strings.EqualFold(name, c.Publish.To):
			v.fault(path, "this is the one published to", "remove it; its server has its own people's free/busy")
		}
	}
	switch to := byName[strings.ToLower(c.Publish.To)]; {
	case c.Publish.To == "":
	case to == nil:
		v.fault("publish.to", "there is no organization "+quote(c.Publish.To), "write the name of one that is in this file, of access_method PublicFolder")
	case to.AccessMethod != "PublicFolder" && to.AccessMethod != "":
		v.fault("publish.to", "access_method of "+to.Name+" is "+to.AccessMethod, "write one of access_method PublicFolder")
	}
	if c.Directory == nil {
		v.fault("publish", "there is no directory", "write one, which says whose items there are and where")
	}
}
