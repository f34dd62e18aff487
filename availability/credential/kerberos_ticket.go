package credential

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"fbgate/availability"

	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/keytab"
)

// modern are the encryption types that are asked for. RC4, whose key is the unsalted
// MD4 of the password, is not among them: Windows has it off by default by now, and
// whoever sees a message under it can try passwords fast. A krb5.conf with
// allow_weak_crypto brings it back for a domain that has nothing else.
var modern = []int32{
	etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96,
	etypeID.AES256_CTS_HMAC_SHA384_192, etypeID.AES128_CTS_HMAC_SHA256_128,
}

// ticket logs in and gets a ticket for a service. There is no ticket-granting ticket
// to be kept and renewed: when the one for the service ends, which is after hours,
// the next log-in follows.
func (k Kerberos) ticket(ctx context.Context, secret, spn string) (*pass[*ticket], error) {
	settings, err := k.settings()
	if err != nil {
		return nil, err
	}
	name, realm, err := k.principal(settings)
	if err != nil {
		return nil, err
	}
	user, err := k.user(secret, name, realm, settings)
	if err != nil {
		return nil, err
	}
	l := login{user, realm, settings}
	granting, err := l.grantingTicket(ctx)
	if err != nil {
		return nil, loginFailure(name+"@"+realm, err)
	}
	reply, err := l.serviceTicket(ctx, granting, spn)
	if err != nil {
		return nil, ticketFailure(realm, spn, err)
	}
	// Both times are by the KDC's clock.
	lifetime := reply.DecryptedEncPart.EndTime.Sub(granting.DecryptedEncPart.AuthTime)
	return newPass(&ticket{client: credentials.New(name, realm), ticket: reply.Ticket, key: reply.DecryptedEncPart.Key}, lifetime), nil
}

// settings returns what is known about realms.
func (k Kerberos) settings() (*config.Config, error) {
	settings := config.New()
	if len(k.KDCs) == 0 {
		path := cmp.Or(k.Config, "/etc/krb5.conf")
		var unsupported config.UnsupportedDirective
		loaded, err := config.Load(path)
		if err != nil && !errors.As(err, &unsupported) {
			return nil, failed(availability.CredentialFailed, "%.300v", err)
		}
		settings = loaded
	}
	defaults := &settings.LibDefaults
	// The default of MIT, if not of the library; also for realms referred to.
	defaults.DNSLookupKDC = true
	if !defaults.AllowWeakCrypto {
		defaults.DefaultTktEnctypeIDs, defaults.DefaultTGSEnctypeIDs, defaults.PermittedEnctypeIDs = modern, modern, modern
	}
	return settings, nil
}

// principal returns the user and realm to log in as, and enters the KDCs.
func (k Kerberos) principal(settings *config.Config) (name, realm string, err error) {
	name, realm = k.Username, k.Realm
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		if realm != "" && !strings.EqualFold(realm, name[at+1:]) {
			return "", "", failed(availability.CredentialFailed, "%s is not a user of the realm %s", k.Username, k.Realm)
		}
		name, realm = name[:at], name[at+1:]
	}
	realm = cmp.Or(realm, settings.LibDefaults.DefaultRealm)
	if name == "" || realm == "" {
		return "", "", failed(availability.CredentialFailed, "%q names no user@REALM, and there is no default realm", k.Username)
	}
	if !slices.ContainsFunc(settings.Realms, func(r config.Realm) bool { return r.Realm == realm }) {
		realm = strings.ToUpper(realm)
	}
	if len(k.KDCs) > 0 {
		settings.Realms = []config.Realm{{Realm: realm, KDC: slices.Clone(k.KDCs)}}
	}
	return name, realm, nil
}

// user returns the user with the secret. Of a keytab, its types are the ones to ask
// for: a KDC that is offered more may choose one the keytab has no key of.
func (k Kerberos) user(secret, name, realm string, settings *config.Config) (*credentials.Credentials, error) {
	user := credentials.New(name, realm)
	if k.Password != nil {
		return user.WithPassword(secret), nil
	}
	keys, ok := readKeytab(secret)
	if !ok {
		return nil, failed(availability.CredentialFailed, "keytab of %s@%s: it is no keytab, or only a part of one", name, realm)
	}
	var has []int32
	for _, entry := range keys.Entries {
		if entry.Principal.Realm == realm && strings.Join(entry.Principal.Components, "/") == name &&
			slices.Contains(settings.LibDefaults.DefaultTktEnctypeIDs, entry.Key.KeyType) {
			has = append(has, entry.Key.KeyType)
		}
	}
	if len(has) == 0 {
		return nil, failed(availability.CredentialFailed, "keytab of %[1]s@%[2]s: among its %[3]d keys is no AES key of %[1]s@%[2]s, written just so", name, realm, len(keys.Entries))
	}
	settings.LibDefaults.DefaultTktEnctypeIDs = has
	return user.WithKeytab(keys), nil
}

// readKeytab parses a keytab. The library's error shows the keys, and some keytabs
// that are cut short make it panic.
func readKeytab(content string) (keys *keytab.Keytab, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	keys = keytab.New()
	return keys, keys.Unmarshal([]byte(content)) == nil
}
