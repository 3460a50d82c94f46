package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// clients connect to a gateway all the time, each in its way, and remember how that went.
type clients struct {
	mu       sync.Mutex
	count    map[string]int
	failures []string
}

// connect starts three clients of the tenant's gateway: two that never read their files again, of which one is
// OpenSSL's, and one that reads them each time, as they come late into a container.
func connect(t *testing.T, namespace, address string) *clients {
	t.Helper()
	c := connectReading(t, namespace, address)
	host := hostOf(namespace)
	still := files(t, get(t, &corev1.Secret{}, namespace, manifests.ClientTLSName))
	certificate, roots, err := bundle(still)
	if err != nil {
		t.Fatal(err)
	}
	c.keep(t, "Go, never reads again", func(context.Context) error { return handshake(address, host, certificate, roots) })
	c.keep(t, "OpenSSL, never reads again", func(ctx context.Context) error { return openssl(ctx, address, host, still) })
	return c
}

// connectReading starts the one client that reads its files each time, as they come late into a container.
func connectReading(t *testing.T, namespace, address string) *clients {
	t.Helper()
	c := &clients{count: map[string]int{}}
	mounted := mountSecret(t, namespace, manifests.ClientTLSName, mountLag)
	c.keep(t, "Go, reads again", func(context.Context) error {
		certificate, roots, err := bundle(mounted)
		if err != nil {
			return err
		}
		return handshake(address, hostOf(namespace), certificate, roots)
	})
	return c
}

// mountLag is how long the files of clients lag behind their Secret.
const mountLag = 3 * time.Second

func hostOf(namespace string) string { return "openshell-gateway." + namespace + ".svc" }

// keep connects again and again until the test ends.
func (c *clients) keep(t *testing.T, who string, try func(ctx context.Context) error) {
	t.Helper()
	c.mu.Lock()
	c.count[who] = 0
	c.mu.Unlock()
	inBackground(t, func(ctx context.Context) {
		for pause(ctx, 50*time.Millisecond) {
			err := try(ctx)
			if ctx.Err() != nil {
				return
			}
			c.mu.Lock()
			c.count[who]++
			if err != nil {
				c.failures = append(c.failures, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), who, err))
			}
			c.mu.Unlock()
		}
	})
}

// neverFailed fails the test if a handshake failed, or if a client did not connect at all since the last time.
func (c *clients) neverFailed(t *testing.T) {
	t.Helper()
	time.Sleep(mountLag + time.Second) // The clients read the present files after this lag.
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, failure := range c.failures[:min(5, len(c.failures))] {
		t.Error(failure)
	}
	if len(c.failures) > 5 {
		t.Errorf("and %d more", len(c.failures)-5)
	}
	for who, count := range c.count {
		if count == 0 {
			t.Errorf("%s: no handshakes", who)
		}
		t.Logf("%s: %d handshakes", who, count)
		c.count[who] = 0
	}
	c.failures = nil
}

// files are the files of a Secret as it is now.
func files(t *testing.T, secret *corev1.Secret) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// handshake connects once. That the server takes the client's certificate shows in what it sends.
func handshake(address, host string, certificate tls.Certificate, roots *x509.CertPool) error {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", address, &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host, Certificates: []tls.Certificate{certificate}, RootCAs: roots,
	})
	if err != nil {
		return err
	}
	defer connection.Close()
	said, err := io.ReadAll(connection)
	if err == nil && string(said) != welcome {
		err = fmt.Errorf("the server said %q", said)
	}
	return err
}

// openssl connects once by OpenSSL's own client.
func openssl(ctx context.Context, address, host, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "openssl", "s_client", "-connect", address, "-servername", host, "-verify_hostname", host,
		"-verify_return_error", "-CAfile", "ca.crt", "-cert", "tls.crt", "-cert_chain", "tls.crt", "-key", "tls.key", "-quiet")
	command.Dir = dir
	output, err := command.CombinedOutput()
	if !bytes.Contains(output, []byte(welcome)) {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}
