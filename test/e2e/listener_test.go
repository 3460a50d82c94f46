package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// mountSecret keeps a directory with the files of a live Secret, as a kubelet does in a container: whole sets of files,
// swapped at once, some time after the Secret changed. While the Secret is absent the last files stay.
func mountSecret(t *testing.T, namespace, name string, lag time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	var mounted string
	remount := func(secret *corev1.Secret) error {
		if secret.ResourceVersion == mounted {
			return nil
		}
		set := filepath.Join(dir, "set-"+secret.ResourceVersion)
		if err := os.Mkdir(set, 0o700); err != nil {
			return err
		}
		for file, content := range secret.Data {
			if err := os.WriteFile(filepath.Join(set, file), content, 0o600); err != nil {
				return err
			}
		}
		next := filepath.Join(dir, "next")
		if err := os.Symlink(set, next); err != nil {
			return err
		}
		mounted = secret.ResourceVersion
		return os.Rename(next, filepath.Join(dir, "current"))
	}
	if err := remount(get(t, &corev1.Secret{}, namespace, name)); err != nil {
		t.Fatal(err)
	}
	inBackground(t, func(ctx context.Context) {
		for pause(ctx, 100*time.Millisecond) {
			secret := &corev1.Secret{}
			if admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret) != nil {
				continue // absent: the files stay
			}
			if secret.ResourceVersion != mounted && !pause(ctx, lag) {
				return
			}
			if err := remount(secret); err != nil {
				t.Errorf("mounting Secret %s: %v", name, err)
			}
		}
	})
	return filepath.Join(dir, "current")
}

// listen serves TLS as the gateway does: from files, which it reads again when they change, and demanding a client's
// certificate. Whoever gets in is told so. It returns the address.
func listen(t *testing.T, namespace string) string {
	t.Helper()
	dir := mountSecret(t, namespace, manifests.ServerTLSName, 200*time.Millisecond)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			certificate, roots, err := bundle(dir)
			return &tls.Config{
				MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate},
				ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots,
			}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	inBackground(t, func(ctx context.Context) {
		defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
		for {
			connection, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go func() {
					_, _ = io.WriteString(connection, welcome) // this shakes hands first; a refusal is the client's to tell
					_ = connection.Close()
				}()
			}
		}
	})
	return listener.Addr().String()
}

const welcome = "welcome\n"

// bundle reads a TLS Secret's files.
func bundle(dir string) (tls.Certificate, *x509.CertPool, error) {
	dir, err := filepath.EvalSymlinks(dir) // all of one set
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return tls.Certificate{}, nil, fmt.Errorf("no authority in %s/ca.crt", dir)
	}
	return certificate, roots, nil
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

// pause waits, and tells whether it is still worth going on.
func pause(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}
