package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// bundleFiles are the keys of the clients' Secret, and the names of the files.
var bundleFiles = []string{"ca.crt", "tls.crt", "tls.key"}

// Connection is a client's bundle that was written, and where it is good for.
type Connection struct {
	Directory string
	tenant    *v1alpha1.GatewayTenant
	notAfter  time.Time
}

// Connect writes a tenant's client certificate with its key and its authority to a directory, for its user's eyes only.
// Files of another content are replaced only if overwrite says so.
func Connect(ctx context.Context, cluster client.Reader, namespace, directory string, overwrite bool) (Connection, error) {
	c := Connection{Directory: directory}
	var err error
	if c.tenant, err = Tenant(ctx, cluster, namespace); err != nil {
		return c, err
	}
	secret := &corev1.Secret{}
	err = cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: manifests.ClientTLSName}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return c, fmt.Errorf("there is no Secret %s/%s yet; see: kubectl gatewaytenant status -n %[1]s", namespace, manifests.ClientTLSName)
	case apierrors.IsForbidden(err):
		return c, fmt.Errorf("the client certificate is in Secret %s/%s, and you may not read it (%w); ask for the right to get that one Secret", namespace, manifests.ClientTLSName, err)
	case err != nil:
		return c, err
	}
	if c.notAfter, err = certificates.UsableUntil(secret, time.Now()); err != nil {
		return c, fmt.Errorf("cannot use Secret %s/%s: %w; see: kubectl gatewaytenant status -n %[1]s", namespace, manifests.ClientTLSName, err)
	}
	return c, writeBundle(directory, secret.Data, overwrite)
}

func writeBundle(directory string, data map[string][]byte, overwrite bool) error {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	if !overwrite {
		for _, name := range bundleFiles {
			path := filepath.Join(directory, name)
			there, err := os.ReadFile(path) //nolint:gosec // in the directory that the user names
			if err == nil && !bytes.Equal(there, data[name]) {
				return fmt.Errorf("%s is there already with another content; give another --dir, or --overwrite", path)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for _, name := range bundleFiles {
		if err := writeFile(filepath.Join(directory, name), data[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file that nobody else may read, at any moment, and that is never half of one.
func writeFile(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)) // made with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// Text says how to reach the gateway with the bundle.
func (c Connection) Text() string {
	namespace, dir := c.tenant.Namespace, c.Directory
	text := fmt.Sprintf("wrote %s to %s, readable by you alone; good until %s, and renewed before: fetch it anew then\n",
		"ca.crt, tls.crt and tls.key", dir, c.notAfter.UTC().Format(time.DateOnly))
	text += fmt.Sprintf("\nwithin the cluster the gateway is\n  %s\n", c.tenant.Status.Endpoint)
	text += fmt.Sprintf("\nfrom here, through the API server:\n  kubectl port-forward -n %s service/%s 8080:8080\n", namespace, manifests.GatewayName)
	host := "localhost"
	if names := c.tenant.Status.ServerDNSNames; len(names) > 0 && !slices.Contains(names, host) {
		host = names[0]
		text += fmt.Sprintf("  its certificate does not carry localhost: let %s lead to 127.0.0.1, or name that to the client\n", host)
	}
	text += fmt.Sprintf("and in another terminal, to see that it answers:\n  openssl s_client -connect localhost:8080 -servername %[1]s -verify_hostname %[1]s -alpn h2 -verify_return_error -CAfile %[2]s/ca.crt -cert %[2]s/tls.crt -key %[2]s/tls.key </dev/null\n", host, dir)
	text += fmt.Sprintf("\nthe address for clients is then\n  https://%s:8080\n", host)
	return text
}
