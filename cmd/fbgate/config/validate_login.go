package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// strangers refuses an address other machines can reach where nobody has to log in,
// unless that is what somebody wrote.
func (v *validator) strangers(c *Config) {
	if c.Login != nil || v.origin.has("login") {
		return
	}
	refuse := func(path, address string) {
		if host, _, err := net.SplitHostPort(address); err == nil && !IsLoopback(host) {
			v.fault(path, address+" can be reached from other machines, and nobody has to log in there",
				"write login with methods or networks, or, to let everybody ask, login: {anonymous: true}")
		}
	}
	refuse("listen", c.Listen)
	if c.TLS != nil {
		refuse("tls.listen", c.TLS.Listen)
	}
}

// login wants what each way to log in needs, and nothing that none of them uses.
func (v *validator) login(c *Config) {
	l := c.Login
	methods := slices.Clone(l.Methods)
	if c.TLS != nil {
		methods = append(methods, c.TLS.LoginMethods...)
	}
	uses := func(names ...string) bool {
		return slices.ContainsFunc(methods, func(m string) bool { return slices.Contains(names, m) })
	}
	has := func(key string) bool { return v.origin.has("login." + key) }
	if !l.Anonymous && len(l.Networks) == 0 && len(methods) == 0 && !v.origin.has("login.networks[0]") && !v.origin.has("login.methods[0]") {
		v.fault("login", "nobody could ask", "write methods, networks, or anonymous: true")
	}
	if uses("basic", "forms") && !has("htpasswd_file") && !has("ldap") && c.Publishing == nil {
		v.fault("login", "nothing is named that knows names and passwords", "write htpasswd_file or ldap")
	}
	needed := func(method, key, example string) {
		switch {
		case uses(method) && !has(key):
			v.fault("login."+key, "missing", "write for example "+key+": "+example)
		case !uses(method) && has(key):
			v.fault("login."+key, "this is for the method "+method, "write "+method+" into methods, or remove this")
		}
	}
	needed("negotiate", "keytab_file", "http.keytab")
	needed("certificate", "client_ca_file", "clients-ca.pem")
	if has("realms") && !uses("negotiate") {
		v.fault("login.realms", "this is for the method negotiate", "write negotiate into methods, or remove this")
	}
	for _, key := range []string{"cookie_key_file", "public_timeout", "private_timeout"} {
		if has(key) && !uses("forms") {
			v.fault("login."+key, "this is for the method forms", "write forms into methods, or remove this")
		}
	}
	if uses("header") && len(c.TrustedProxies) == 0 && !v.origin.has("trusted_proxies") {
		v.fault("login.methods", "header is believed of trusted_proxies alone, and there are none", "write trusted_proxies")
	}
	if slices.Contains(l.Methods, "certificate") && c.TLS == nil && !v.origin.has("tls") {
		v.fault("login.methods", "certificates are shown at tls.listen, and there is none", "write tls")
	}
	if uses("passthrough") && !v.origin.has("passthrough") {
		v.fault("login.methods", "there is no passthrough, and so no server behind that could decide", "write passthrough, or another method")
	}
	if c.Publishing != nil && !l.Anonymous && len(methods) > 0 && !uses("basic") && len(l.Networks) == 0 {
		v.fault("publishing", "publishers log in by Basic authentication, and login.methods has no basic", "write basic into methods, or networks from where they write")
	}
	if uses("passthrough") && c.Passthrough != nil && !asksForLogIn(c.Passthrough.Paths) {
		v.fault("passthrough.paths", "paths has neither /public nor /exchange, of which Exchange asks for a log-in, and the method passthrough asks it there",
			"add /public or /exchange, or write another method than passthrough")
	}
	// Each wrong password at the server behind would count here, too. With forms it is
	// the same, which is refused below.
	twice := func(path string, methods []string) {
		if slices.Contains(methods, "basic") && slices.Contains(methods, "passthrough") {
			v.fault(path, "names and passwords would be tried here and at the server behind", "leave it to one of them")
		}
	}
	twice("login.methods", l.Methods)
	if c.TLS != nil {
		twice("tls.login_methods", c.TLS.LoginMethods)
	}
	if has("group_file") && !has("htpasswd_file") {
		v.fault("login.group_file", "these are groups of those in htpasswd_file, and there is none", "write htpasswd_file")
	}
	if uses("forms") && c.Passthrough != nil {
		v.fault("login.methods", "fbgate's log-in page and that of the server behind would end each other's sessions", "write passthrough instead of forms, and the server behind decides")
	}
	if l.LDAP != nil {
		v.ldap(l.LDAP, "login.ldap")
	}
}

// asksForLogIn reports whether one of the folders that the server behind asks for a
// log-in of is handed on; none are /public.
func asksForLogIn(paths []string) bool {
	return len(paths) == 0 || slices.ContainsFunc(paths, func(path string) bool {
		folder := strings.ToLower(strings.Trim(path, "/"))
		return folder == "" || folder == "public" || folder == "exchange"
	})
}

// rules wants organizations that exist.
func (v *validator) rules(c *Config) {
	for i, rule := range c.AccessRules {
		for j, name := range rule.Organizations {
			known := slices.ContainsFunc(c.Organizations, func(o Organization) bool { return strings.EqualFold(o.Name, name) })
			if !known && name != "" {
				v.fault(v.origin.entry(fmt.Sprintf("access_rules[%d].organizations", i), j), "there is no organization "+quote(name), "write the name of one that is in this file")
			}
		}
	}
}

// unguarded refuses an operators' address other machines can reach if no token is asked
// for there, nor a name and password that may come from there.
func (v *validator) unguarded(c *Config, port string) {
	local := "listen on 127.0.0.1:" + port
	insecure := c.Login != nil && c.Login.InsecureHTTP || v.origin.has("login.insecure_http")
	switch {
	case len(c.Admin.Operators) == 0:
		v.fault("admin.listen", c.Admin.Listen+" can be reached from other machines, and no token is asked for",
			"write token_file or operators below it, or "+local)
	case !insecure && len(c.TrustedProxies) == 0 && !v.origin.has("trusted_proxies"):
		v.fault("admin.listen", c.Admin.Listen+" can be reached from other machines, and by plain http no names and passwords are taken from there",
			"put a server before it that takes https and name it in trusted_proxies, or write token_file below it, or "+local)
	}
}

// operators wants somebody who knows their names and passwords.
func (v *validator) operators(c *Config) {
	if len(c.Admin.Operators) > 0 && !v.origin.has("login.htpasswd_file") && !v.origin.has("login.ldap") {
		v.fault("admin.operators", "nothing is named that knows names and passwords", "write login with htpasswd_file or ldap, or token_file instead")
	}
}
