package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// reachIssuer asks the OIDC issuer for its configuration. A gateway does not start without it.
func reachIssuer(ctx context.Context, release gateway.Release, oidc *gateway.OIDC) error {
	if oidc == nil {
		return nil
	}
	if release.ReadsSchema2() {
		return reachIssuer2(ctx, oidc)
	}
	url := strings.TrimSuffix(oidc.Issuer, "/") + "/.well-known/openid-configuration"
	status, err := request(ctx, http.DefaultTransport, url, "")
	if err != nil {
		return fmt.Errorf("configuration error: OIDC initialization failed: error sending request for url (%s): %w", url, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("configuration error: OIDC initialization failed: HTTP status %d for url (%s)", status, url)
	}
	return nil
}

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

// listSandboxes lists the Sandboxes of the namespace as the gateway's ServiceAccount, if it runs in a pod.
func listSandboxes(ctx context.Context) error {
	host := os.Getenv("KUBERNETES_SERVICE_HOST")
	if host == "" {
		return nil
	}
	namespace, err := os.ReadFile(account + "namespace")
	token, err2 := os.ReadFile(account + "token")
	ca, err3 := os.ReadFile(account + "ca.crt")
	if err := errors.Join(err, err2, err3); err != nil {
		return fmt.Errorf("execution error: failed to create compute runtime: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	for _, version := range []string{"v1beta1", "v1alpha1"} {
		url := "https://" + net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT")) + "/apis/agents.x-k8s.io/" + version +
			"/namespaces/" + string(namespace) + "/sandboxes?limit=1"
		status, err := request(ctx, transport, url, string(token))
		switch {
		case err != nil:
			return fmt.Errorf("execution error: failed to create compute runtime: gateway id backfill: %w", err)
		case status == http.StatusOK:
			return nil
		case status != http.StatusNotFound:
			return fmt.Errorf("execution error: failed to create compute runtime: gateway id backfill: listing sandboxes: HTTP status %d", status)
		}
	}
	return errors.New("execution error: failed to create compute runtime: gateway id backfill: " +
		"the server could not find the requested resource (sandboxes.agents.x-k8s.io)")
}

// request returns the status of a GET.
func request(ctx context.Context, transport http.RoundTripper, url, token string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
