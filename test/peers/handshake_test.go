package peers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// A gateway and its clients mount the Secrets, and a kubelet updates their files some time after a change, of each pod at another
// time. Here the gateway's side lags behind by less than a second and the client's by some seconds. The handshakes show that the
// contents of the Secrets always fit, in all combinations of present and previous ones that this leads to. They do not show
// how a gateway or a client reads its files.
const gatewayLag, clientLag = 300 * time.Millisecond, 4 * time.Second

// mounted is a TLS Secret as a pod has it.
type mounted struct{ atomic.Pointer[tls.Config] }

// mount keeps the contents of a Secret until the test ends. While the Secret is absent, the last contents stay.
func mount(t *testing.T, namespace, name string, lag time.Duration) *mounted {
	t.Helper()
	is, version := &mounted{}, ""
	read := func(ctx context.Context) {
		secret := &corev1.Secret{}
		if cluster.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret) != nil || secret.ResourceVersion == version {
			return
		}
		if version != "" && operatortest.Pause(ctx, lag) != nil {
			return
		}
		version = secret.ResourceVersion
		pair, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
		cas := x509.NewCertPool()
		if err != nil || !cas.AppendCertsFromPEM(secret.Data["ca.crt"]) {
			t.Errorf("Secret %s cannot be used: %v", name, err)
			return
		}
		is.Store(&tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, RootCAs: cas, ClientCAs: cas,
			ClientAuth: tls.RequireAndVerifyClientCert, ServerName: manifests.GatewayName + "." + namespace + ".svc",
		})
	}
	read(t.Context())
	inBackground(t, func(ctx context.Context) {
		for operatortest.Pause(ctx, 100*time.Millisecond) == nil {
			read(ctx)
		}
	})
	return is
}

// shakeHands connects a client to a gateway again and again until the test ends. The returned function reports how often, and fails
// the test if a handshake failed.
func shakeHands(t *testing.T, namespace string) (report func()) {
	t.Helper()
	gateway, user := mount(t, namespace, manifests.ServerTLSName, gatewayLag), mount(t, namespace, manifests.ClientTLSName, clientLag)
	var mu sync.Mutex
	count, failed := 0, []error{}
	inBackground(t, func(ctx context.Context) {
		for operatortest.Pause(ctx, 50*time.Millisecond) == nil {
			err := handshake(gateway.Load(), user.Load())
			mu.Lock()
			if count++; err != nil {
				failed = append(failed, err)
			}
			mu.Unlock()
		}
	})
	return func() {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%d TLS handshakes, %d failed", count, len(failed))
		if count == 0 || len(failed) > 0 {
			t.Errorf("of %d TLS handshakes, %d failed: %v", count, len(failed), errors.Join(failed[:min(3, len(failed))]...))
		}
	}
}

func handshake(gateway, user *tls.Config) error {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	served := make(chan error, 1)
	go func() {
		err := tls.Server(a, gateway).Handshake()
		_ = a.Close() // a client that is refused must not wait
		served <- err
	}()
	connection := tls.Client(b, user)
	err := connection.Handshake()
	if err == nil {
		_, _ = io.ReadAll(connection) // until the gateway has verified the client
	}
	_ = b.Close()
	return errors.Join(err, <-served)
}

// inBackground runs f until the test ends, and waits for it.
func inBackground(t *testing.T, f func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}
