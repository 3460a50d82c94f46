//go:build linux

package suite

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// gateway connects the tests to the gateway of a tenant, as a client that has the client certificate.
type gateway struct{ namespace string }

// serverName is a name that the certificate of each gateway has.
func (g gateway) serverName() string { return manifests.GatewayName + "." + g.namespace + ".svc" }

// request sends a request on a connection of its own, and returns the body of the answer. The gateway's certificate must
// have the name.
func (g gateway) request(t *testing.T, serverName, method, path, token string, body []byte) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "https://"+serverName+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	transport, err := g.transport(t, serverName)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return string(text), err
}

// transport connects to the gateway's pod with the present content of the clients' Secret.
func (g gateway) transport(t *testing.T, serverName string) (*http.Transport, error) {
	t.Helper()
	address := net.JoinHostPort(get(t, &corev1.Pod{}, g.namespace, manifests.PodName).Status.PodIP, "8080")
	files := get(t, &corev1.Secret{}, g.namespace, manifests.ClientTLSName).Data
	certificate, err := tls.X509KeyPair(files["tls.crt"], files["tls.key"])
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{certificate}, ServerName: serverName, MinVersion: tls.VersionTLS12,
	}
	if !config.RootCAs.AppendCertsFromPEM(files["ca.crt"]) {
		return nil, errors.New("ca.crt has no certificate")
	}
	return &http.Transport{
		TLSClientConfig: config, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return node.Dial(ctx, address) },
	}, nil
}

// must sends a request and fails the test if it fails.
func (g gateway) must(t *testing.T, method, path, token, body string) string {
	t.Helper()
	text, err := g.request(t, g.serverName(), method, path, token, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// gatewayAnswer is what a gateway reports about itself and its caller.
type gatewayAnswer struct{ Release, Instance, Caller string }

func (g gateway) answer(t *testing.T, token string) gatewayAnswer {
	t.Helper()
	var a gatewayAnswer
	if err := json.Unmarshal([]byte(g.must(t, http.MethodGet, "/", token, "")), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// changeTenant changes the tenant of a namespace as its administrator does.
func changeTenant(t *testing.T, namespace string, change func(*v1alpha1.GatewayTenant)) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, func() error { // The operator writes it, too.
		tenant := get(t, &v1alpha1.GatewayTenant{}, namespace, manifests.GatewayName)
		change(tenant)
		return admin.Update(t.Context(), tenant)
	})
}

// annotate sets an annotation of the tenant of a namespace.
func annotate(t *testing.T, namespace, key, value string) {
	t.Helper()
	changeTenant(t, namespace, func(tenant *v1alpha1.GatewayTenant) {
		if tenant.Annotations == nil {
			tenant.Annotations = map[string]string{}
		}
		tenant.Annotations[key] = value
	})
}
