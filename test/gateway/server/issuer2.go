package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// maxDocument is the size from which a document of an issuer is refused. The limit of a real gateway is not known.
const maxDocument = 1 << 20

// reachIssuer2 reads the configuration of the OIDC issuer and its keys. A gateway of a release 0.1.N does not start without
// them. It follows no redirects, and reads the keys only from the issuer's origin or one that the file allows.
func reachIssuer2(ctx context.Context, oidc *gateway.OIDC) error {
	const failed = "configuration error: OIDC initialization failed: "
	issuer := strings.TrimSuffix(oidc.Issuer, "/")
	var found struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := document(ctx, issuer+"/.well-known/openid-configuration", &found); err != nil {
		return fmt.Errorf(failed+"OIDC discovery request failed: %w", err)
	}
	if strings.TrimSuffix(found.Issuer, "/") != issuer {
		return fmt.Errorf(failed+"OIDC discovery names the issuer '%s', not '%s'", found.Issuer, issuer)
	}
	if !slices.Contains(append(origins(oidc.JWKSOrigins...), origins(issuer)...), originOf(found.Keys)) {
		return fmt.Errorf(failed+"the keys at '%s' are neither at the issuer's origin nor at one of jwks_allowed_origins", found.Keys)
	}
	var keys map[string]any
	if err := document(ctx, found.Keys, &keys); err != nil {
		return fmt.Errorf(failed+"JWKS request failed: %w", err)
	}
	return nil
}

func origins(urls ...string) []string {
	all := make([]string, 0, len(urls))
	for _, u := range urls {
		all = append(all, originOf(u))
	}
	return all
}

// originOf returns the scheme, host and port of a URL.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; u.Port() == "" {
		host += port
	}
	return u.Scheme + "://" + host
}

// document reads a JSON document from a URL.
func document(ctx context.Context, from string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %d for url (%s)", response.StatusCode, from)
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return fmt.Errorf("url (%s) has the media type '%s'", from, media)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = errors.New("the document is too large")
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
