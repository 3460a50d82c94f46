package main

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const starts = `
[openshell.gateway]
bind_address = "0.0.0.0:8080"
health_bind_address = "0.0.0.0:8081"
[openshell.gateway.tls]
cert_path = "/tls/tls.crt"
[openshell.gateway.gateway_jwt]
kid_path = "/jwt/kid"
[openshell.drivers.kubernetes]
`

func TestGatewayStartsOnlyWithWhatARealOneStartsWith(t *testing.T) {
	for _, c := range []struct {
		what, old, changed string
		refusal            string // empty: it starts
		unready            bool   // it starts, and never becomes ready
	}{
		{"as it should be", "", "", "", false},
		{"no TOML", "[openshell.gateway]", "[openshell.gateway", "gateway.toml", false},
		{"a wrong type", `"0.0.0.0:8080"`, `8080`, "gateway.toml", false},
		{"another table at the top", "[openshell.drivers.kubernetes]", "[drivers.kubernetes]", "unknown field", false},
		{"token keys without the driver's table", "[openshell.drivers.kubernetes]", "", "openshell.drivers.kubernetes", false},
		{"mtls_auth", "[openshell.gateway.tls]", "[openshell.gateway.mtls_auth]\nenabled = true\n[openshell.gateway.tls]", "mtls_auth", false},
		{"a database in the file", "bind_address", "database_url = 'x'\nbind_address", "database_url", false},
		{"a certificate that is not mounted", "/tls/tls.crt", "/tls/other.crt", "cert_path", false},
		{"a token key that is not mounted", "/jwt/kid", "/jwt/other", "kid_path", false},
		{"two listeners on a port", "8081", "8080", "port 8080", false},
		{"an address that is none", `"0.0.0.0:8080"`, `"here"`, "here", false},
		{"clients' port on loopback", "0.0.0.0:8080", "127.0.0.1:8080", "reach", true},
		{"no clients' port", `bind_address = "0.0.0.0:8080"`, "", "reach", true},
		{"health on loopback", "0.0.0.0:8081", "[::1]:8081", "refused", true},
		{"no health", `health_bind_address = "0.0.0.0:8081"`, "", "refused", true},
	} {
		text := starts
		if c.old != "" {
			text = strings.Replace(starts, c.old, c.changed, 1)
		}
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Args: []string{"--config", "/etc/gateway.toml"}}}}}
		err := checkStart(pod, map[string][]byte{"/etc/gateway.toml": []byte(text), "/tls/tls.crt": nil, "/jwt/kid": nil})
		switch {
		case c.refusal == "":
			if err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.refusal):
			t.Errorf("%s: %v; want a refusal that says %q", c.what, err, c.refusal)
		case errors.As(err, new(unreadyError)) != c.unready:
			t.Errorf("%s: %v; unready: want %v", c.what, err, c.unready)
		}
	}
}
