package gatewaytoml

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// formatExamples has texts of each format, and others.
var formatExamples = map[string]struct{ valid, invalid []string }{
	"nonblank":       {[]string{"a", " a "}, []string{"", " \t"}},
	"trimmed":        {[]string{"a b"}, []string{"", " ", "a ", "\u00a0a"}},
	"url":            {[]string{"https://a.example.com", "HTTP://u:p@[::1]:1/a?b#c", "http://10.0.0.1.", "https://bücher.example"}, []string{"", "a", "a.b:1", "ftp://a", "https://", "https:///a", "https://a:x", "https://a:65536", "https://1.2.3", "https://a b", "https://[::1", "https://[fe80::1%25a]", "https://a%20b", " https://a"}},
	"early-endpoint": {[]string{"unix:///var/openshell/a", "grpc://a:1", " HTTPS://a "}, []string{"", "a:1", "://a", "grpc://", "grpc:a", "unix://a", "unix:///run/a", "unix:/var/openshell/a", "grpc://a b"}},
	"endpoint":       {[]string{"http://a:1", " https://a ", "unix:///var/openshell/a"}, []string{"", "a:1", "HTTP://a", "tcp://a:1", "unix:///run/a", "unix://var/openshell/a", "unix:///var/openshell/../a", "unix:///var/openshell/", "http://ä"}},

	"http-endpoint":      {[]string{"https://a", "http://u@a:1/b"}, []string{"", "unix:///var/openshell/a", " http://a", "http://a/ b", "http://:1"}},
	"proxy":              {[]string{"http://a:1", " http://a:80/ ", "http://[::1]:3128"}, []string{"", " ", "a:1", "http://a", "https://a:1", "http://a:0", "http://u@a:1", "http://a:1/b", "http://a:1?", "http://a:1#"}},
	"vault-address":      {[]string{"https://vault:8200", "http://vault/a/b"}, []string{"", " http://vault", "vault", "http://u:p@vault", "http://vault?", "http://vault#a", "unix:///a"}},
	"any-proxy":          {[]string{"http://a:1", " https://a:443/ ", "https://[::1]:3128"}, []string{"", "a:1", "https://a", "socks5://a:1", "https://u@a:1", "https://a:1/b", "https://a:1?"}},
	"https-url":          {[]string{"https://a.example.com/realms/a", "https://[::1]:8443"}, []string{"", "http://a", "HTTPS://a", "a", "https://", "https://u:p@a", "https://a?b", "https://a#b", " https://a", "https://a:x"}},
	"https-origin":       {[]string{"https://keys.example.com", "https://a:8443"}, []string{"", "http://a", "https://a/", "https://a/b", "https://u@a", "https://a?", "a"}},
	"vault-https":        {[]string{"https://vault:8200", "https://vault/v1"}, []string{"", "http://vault", "http://127.0.0.1:8200", "https://u:p@vault", "https://vault?a"}},
	"log-file":           {[]string{"/var/openshell/events.jsonl", "/var/openshell/logs/a"}, []string{"", "/tmp/gateway-ocsf.jsonl", "a.jsonl", "/var/openshell", "/var/openshell/openshell.db", "/var/openshell/openshell.db-wal", "/var/openshell/a/../openshell.db", SubdirKeyPath, RootKeyPath, "/var/openshell/credentials", SubdirKeyPath + "/a", RootKeyPath + "/a"}},
	"pod-key":            {[]string{"team", "a_b.c"}, []string{"", "example.com/team", "sidecar.istio.io/inject", "k8s.ovn.org/pod-networks", "a/b/c", "/a", "a b", "-a", "app.kubernetes.io/name", "kubernetes.io/a", "k8s.v1.cni.cncf.io/networks", "openshell.ai/boundary-role", "internal.openshell.ai/a", "agents.x-k8s.io/sandbox-name-hash", strings.Repeat("a", 64)}},
	"vault-path":         {[]string{"secret", "a/b-c_d.e/1"}, []string{"", "/a", "a/", "a//b", ".", "a/..", "a b", strings.Repeat("a", 1025)}},
	"timeout":            {[]string{"500ms", "2s", " +1s ", "18446744073709551615s"}, []string{"", "0s", "0ms", "1", "1m", "-1s", "1.5s", "1 s", "s", "18446744073709551616s"}},
	"middleware-timeout": {[]string{"10ms", "30s", "", " ", "30000ms"}, []string{"9ms", "31s", "30001ms", "0s", "1m", "18446744073709551615s"}},
	"middleware-name":    {[]string{"a", "a/B.c_d-1", strings.Repeat("a", 128)}, []string{"", "a b", "openshell/a", "ä", strings.Repeat("a", 129)}},
	"app-armor":          {[]string{"Unconfined", "RuntimeDefault", "Localhost/a", ""}, []string{"unconfined", "Localhost/", "Localhost", "a", " "}},
	"spiffe-socket":      {[]string{"/a/b", "", " ", "/../b"}, []string{"/", "/a", "/a/", "//a", "/./a", "a/b", " /a/b"}},
	"socket":             {[]string{"/var/openshell/a"}, []string{"", "/run/a", "/var/openshell", "/var/openshell/", "/var/openshell/../a", "a"}},
	"file":               {[]string{"/var/openshell/a/k"}, []string{"", "a", "/a/", "/a/.", "/a/..", "/\x00", "/" + strings.Repeat("a", 256), strings.Repeat("/a", 2048)}},
	"ca-file":            {[]string{"/var/openshell/ca.pem", "/etc/openshell-tls/client-ca/ca.crt", "/etc//ssl/certs/ca-certificates.crt", "/etc/pki/tls/a.pem"}, []string{"", "ca.pem", "/etc/ca.pem", "/etc/pki/../ca.pem", "/etc/openshell-tls/server/tls.key", "/etc/openshell-jwt/signing.pem"}},
	"secret-name":        {[]string{"a", "a-1.b"}, []string{"", "A", "a_b", "-a", "a.", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a"}},
	"secret-key":         {[]string{"a", "...", ".A_-"}, []string{"", ".", "..", "a b", "a/b", strings.Repeat("a", 254)}},
}

func TestFormats(t *testing.T) {
	if names := slices.Sorted(maps.Keys(formatExamples)); !slices.Equal(names, slices.Sorted(maps.Keys(formats))) {
		t.Errorf("there are examples of the formats %v only", names)
	}
	for name, format := range formats {
		for _, text := range formatExamples[name].valid {
			if !format.valid(text) {
				t.Errorf("%s: %.300q is rejected", name, text)
			}
		}
		for _, text := range formatExamples[name].invalid {
			if format.valid(text) {
				t.Errorf("%s: %.300q is accepted", name, text)
			}
		}
	}
}
