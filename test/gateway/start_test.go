package gateway

import (
	"crypto/tls"
	"testing"
	"time"
)

// TestCallers checks what a gateway takes its callers for.
func TestCallers(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	own := tokensOf(t, files(t))
	other := files(t)
	other["/jwt/kid"] = []byte("key-2")
	forger := tokensOf(t, files(t)) // another key with the same kid
	open := &Config{}
	open.OpenShell.Gateway.Auth.AllowUnauthenticatedUsers = true
	closed, oidc := &Config{}, &Config{}
	oidc.OpenShell.Gateway.Auth.AllowUnauthenticatedUsers = true
	oidc.OpenShell.Gateway.OIDC = &OIDC{}
	for _, c := range []struct {
		what    string
		config  *Config
		tokens  *Tokens
		header  string
		want    string
		refused bool
	}{
		{"a token", open, own, "Bearer " + own.Issue("s", now), "sandbox s", false},
		{"a token with OIDC", oidc, own, "Bearer " + own.Issue("s", now), "sandbox s", false},
		{"an expired token", open, own, "Bearer " + own.Issue("s", now.Add(-3*time.Minute)), "", true},
		{"a forged token", open, own, "Bearer " + forger.Issue("s", now), "", true},
		{"no token at all", open, own, "Bearer x", "", true},
		{"a token of former keys", open, own, "Bearer " + tokensOf(t, other).Issue("s", now), "administrator", false},
		{"a token of former keys where users need one", closed, own, "Bearer " + tokensOf(t, other).Issue("s", now), "", true},
		{"no token", open, own, "", "administrator", false},
		{"no token where users need one", closed, own, "", "", true},
		{"no token and no keys", closed, nil, "", "administrator", false},
		{"no token with OIDC", oidc, own, "", "", true},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := c.config.Identify(c.tokens, Caller{Authorization: c.header}, now)
			if got != c.want || (err != nil) != c.refused {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func tokensOf(t *testing.T, contents map[string][]byte) *Tokens {
	t.Helper()
	tokens, err := NewTokens(&JWT{"/jwt/signing.pem", "/jwt/public.pem", "/jwt/kid", "a", 60}, mounted(contents).Read)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestClientsNeedACertificateUnlessThereIsOIDC(t *testing.T) {
	for required, want := range map[bool]tls.ClientAuthType{true: tls.RequireAndVerifyClientCert, false: tls.VerifyClientCertIfGiven} {
		config, err := (&TLS{CertPath: "/tls/tls.crt", KeyPath: "/tls/tls.key", ClientCAPath: "/tls/ca.crt"}).Load(mounted(files(t)).Read, required)
		if err != nil || config.ClientAuth != want {
			t.Errorf("required %v: %v, %v", required, config, err)
		}
	}
}

func TestReportBreaksLines(t *testing.T) {
	want := "Error:   \x1b[31m×\x1b[0m configuration error: failed to prepare default credential storage key-\n" +
		"  \x1b[31m│\x1b[0m encryption key directory '/var/openshell/key-encryption-key.bin': failed to\n" +
		"  \x1b[31m│\x1b[0m set permissions on /var/openshell\n"
	if got := Report(ErrKeyDirectory("/var/openshell/key-encryption-key.bin")); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
