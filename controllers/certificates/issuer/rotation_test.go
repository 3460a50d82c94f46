package issuer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/internal/format"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// handshake connects a client to a gateway, each with what it reads from its Secret. Both verify the other side as OpenShell
// does, whose TLS library accepts no more than six CA certificates between a certificate and the CA that it trusts.
func handshake(gateway, client *corev1.Secret, at time.Time) error {
	const mostIntermediates = 6
	side := func(secret *corev1.Secret) (*tls.Config, error) {
		pair, err := tls.X509KeyPair(secret.Data[format.KeyCertificate], secret.Data[format.KeyPrivateKey])
		cas := x509.NewCertPool()
		if !cas.AppendCertsFromPEM(secret.Data[format.KeyCA]) {
			return nil, errors.New("ca.crt has no CA")
		}
		return &tls.Config{
			Certificates: []tls.Certificate{pair}, RootCAs: cas, ClientCAs: cas, ClientAuth: tls.RequireAndVerifyClientCert,
			ServerName: "a.example.com", Time: func() time.Time { return at }, MinVersion: tls.VersionTLS13,
			VerifyConnection: func(state tls.ConnectionState) error {
				if !slices.ContainsFunc(state.VerifiedChains, func(chain []*x509.Certificate) bool { return len(chain) <= mostIntermediates+2 }) {
					return errors.New("the chain is too long")
				}
				return nil
			},
		}, err
	}
	serverConfig, err := side(gateway)
	if err != nil {
		return err
	}
	clientConfig, err := side(client)
	if err != nil {
		return err
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	served := make(chan error, 1)
	go func() {
		err := tls.Server(a, serverConfig).Handshake()
		_ = a.Close() // a client that is refused must not wait
		served <- err
	}()
	connection := tls.Client(b, clientConfig)
	if err = connection.Handshake(); err == nil {
		_, _ = connection.Read(make([]byte, 1)) // until the gateway has verified the client
	}
	_ = b.Close()
	return errors.Join(err, <-served)
}

// rotations rotates the CA again and again, a minute apart, and keeps every Secret that a client ever had.
type rotations struct {
	t       *testing.T
	secrets map[string]*corev1.Secret
	desired certificates.Desired
	at      time.Time
	clients []*corev1.Secret
	done    int
}

func startRotations(t *testing.T) *rotations {
	t.Helper()
	secrets := issued(t, append(manifests.AlsoServed("tenant-a"), "a.example.com")...)
	return &rotations{t: t, secrets: secrets, desired: desiredState(), at: now, clients: []*corev1.Secret{secrets[manifests.ClientTLSName]}}
}

// converge runs certgen at a time, and returns what is left.
func (r *rotations) converge(at time.Time) certificates.Observed {
	r.t.Helper()
	r.at = at
	after, err := converges(r.t, r.secrets, r.desired, at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.secrets = after.secrets
	return certificates.Inspect(transformed(r.t, r.secrets), r.desired, at)
}

// request requests a rotation, and reports whether it was done.
func (r *rotations) request() (certificates.Observed, bool) {
	r.t.Helper()
	r.done++
	r.desired.Rotation.CA = fmt.Sprint(r.done)
	observed := r.converge(r.at.Add(time.Minute))
	r.clients = append(r.clients, r.secrets[manifests.ClientTLSName])
	return observed, observed.Rotated.CA == r.desired.Rotation.CA
}

// check fails the test unless every client of the last overlap can connect with the Secret that it got then.
func (r *rotations) check(clients []*corev1.Secret) {
	r.t.Helper()
	for i, client := range clients {
		if err := handshake(r.secrets[manifests.ServerTLSName], client, r.at); err != nil {
			r.t.Fatalf("after %d rotations, a client with its Secret from before rotation %d: %v", r.done, i+1, err)
		}
	}
}

// TestClientsOfTheOverlapConnectHoweverOftenTheCAIsRotated: a rotation that would break the promise to a client that has
// not fetched its Secret since the overlap began is delayed, until the first previous CA goes.
func TestClientsOfTheOverlapConnectHoweverOftenTheCAIsRotated(t *testing.T) {
	r := startRotations(t)
	for i := range 33 {
		observed, done := r.request()
		r.check(r.clients)
		if done != (i < format.MaxCrosses) {
			t.Fatalf("rotation %d: done is %v", i+1, done)
		}
		if done {
			continue
		}
		first := now.Add(time.Minute).Add(certificates.DefaultLifetimes.Overlap)
		if len(observed.Findings) > 0 || observed.NextCheck != first || !strings.Contains(observed.Delayed, first.UTC().Format(time.RFC3339)) {
			t.Fatalf("the rotation waits: %v; next check at %s; %q", observed.Findings, observed.NextCheck, observed.Delayed)
		}
	}
	if observed := r.converge(now.Add(certificates.DefaultLifetimes.Overlap)); observed.Rotated.CA == r.desired.Rotation.CA {
		t.Error("rotated a minute too early")
	}
	r.check(r.clients)
	observed := r.converge(now.Add(certificates.DefaultLifetimes.Overlap + time.Minute))
	if observed.Rotated.CA != r.desired.Rotation.CA || len(observed.Findings) > 0 || observed.Delayed != "" {
		t.Errorf("after the overlap of the first CA, rotated %s: %v; %q", observed.Rotated.CA, observed.Findings, observed.Delayed)
	}
	r.check(r.clients[1:])
	if handshake(r.secrets[manifests.ServerTLSName], r.clients[0], r.at) == nil {
		t.Error("the first client still connects, whose overlap is over")
	}
}

// TestRotationThatWaitsIsDoneWhenAUserEndsTheOverlap, which is the way out for a user whose key was stolen.
func TestRotationThatWaitsIsDoneWhenAUserEndsTheOverlap(t *testing.T) {
	r := startRotations(t)
	for done := true; done; {
		_, done = r.request()
	}
	for _, name := range format.TLSNames {
		r.secrets[name].Annotations[format.AnnotationPreviousUntil] = "none"
	}
	observed := r.converge(r.at)
	if observed.Rotated.CA != r.desired.Rotation.CA || len(observed.Findings) > 0 || observed.Delayed != "" {
		t.Errorf("rotated %s: %v; %q", observed.Rotated.CA, observed.Findings, observed.Delayed)
	}
	r.check(r.clients[len(r.clients)-1:])
	if handshake(r.secrets[manifests.ServerTLSName], r.clients[len(r.clients)-3], r.at) == nil {
		t.Error("a client of an earlier CA than the previous one still connects")
	}
}

// TestShorterOverlapBreaksNoEarlierPromise: a CA whose trust ends before that of its predecessor still vouches for the
// present one towards clients of the predecessor.
func TestShorterOverlapBreaksNoEarlierPromise(t *testing.T) {
	r := startRotations(t)
	if _, done := r.request(); !done {
		t.Fatal("not rotated")
	}
	lifetimes := certificates.DefaultLifetimes
	lifetimes.Overlap, lifetimes.TrustDelay = time.Hour, 0
	for _, at := range []time.Time{now.Add(2 * time.Minute), now.Add(3 * time.Hour), now.Add(4 * time.Hour)} {
		r.desired.Rotation.CA, r.at = "2", at
		m := &memory{secrets: r.secrets, writes: map[string]int{}}
		if _, err := Converge(t.Context(), m, Request{Desired: r.desired, Namespace: "tenant-a", Lifetimes: lifetimes, Tenants: newTenants("tenant")}, at); err != nil {
			t.Fatal(err)
		}
		r.check(r.clients[:1])
	}
}
