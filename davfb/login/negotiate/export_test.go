package negotiate

import "github.com/jcmturner/gokrb5/v8/types"

// LogOnGroups reads log-on information for tests.
var LogOnGroups = logOnGroups

// Groups returns the groups in the authorization data of a ticket that a key opens.
func Groups(data types.AuthorizationData, key types.EncryptionKey) ([]string, error) {
	return (&client{data: data, key: key}).groups()
}

// RememberAtMost sets how many authenticators are remembered.
func (m *Method) RememberAtMost(n int) { m.replays.most = n }
