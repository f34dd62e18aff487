package credential

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
)

const (
	// perKDC is how long one KDC may take before the next is asked.
	perKDC = 5 * time.Second
	// longestReply bounds a KDC's reply in bytes. Windows keeps tickets below 64 KiB.
	longestReply = 256 << 10
)

// unreachable is the error of an exchange that no KDC answered.
type unreachable struct{ error }

// exchange sends a request to the KDCs of a realm, one after the other, and returns
// the first reply. A refusal is a messages.KRBError.
func (l login) exchange(ctx context.Context, realm string, request interface{ Marshal() ([]byte, error) }) ([]byte, error) {
	raw, err := request.Marshal()
	if err != nil {
		return nil, err
	}
	// By TCP only: tickets of Active Directory are too large for datagrams, and a KDC
	// that does not run is noticed at once.
	_, kdcs, err := l.settings.GetKDCs(realm, true)
	if err != nil {
		return nil, unreachable{fmt.Errorf("no KDC of %s: %w", realm, err)}
	}
	var failures []error
	for i := 1; i <= len(kdcs); i++ { // the order of the library's map
		reply, err := askKDC(ctx, kdcs[i], raw)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		var refusal messages.KRBError
		if refusal.Unmarshal(reply) == nil {
			return nil, refusal
		}
		return reply, nil
	}
	return nil, unreachable{errors.Join(failures...)}
}

// askKDC sends a request and reads the reply (RFC 4120, 7.2.2).
func askKDC(ctx context.Context, address string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, perKDC)
	defer cancel()
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := connection.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return nil, err
	}
	var prefix [4]byte
	if _, err := io.ReadFull(connection, prefix[:]); err != nil {
		return nil, fmt.Errorf("no reply from %s: %w", address, err)
	}
	length := binary.BigEndian.Uint32(prefix[:])
	if length > longestReply {
		return nil, fmt.Errorf("no KDC answers on %s: what came begins with %q", address, prefix[:])
	}
	reply := make([]byte, length)
	if _, err := io.ReadFull(connection, reply); err != nil {
		return nil, fmt.Errorf("the reply of %s was cut short: %w", address, err)
	}
	return reply, nil
}
