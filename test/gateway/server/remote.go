package main

import (
	"context"
	"fmt"
	"net/http"
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
