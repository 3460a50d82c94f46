package gateway

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"
)

// TestWhoIsAUser2 checks how certificates become users, and what the handshake requires.
func TestWhoIsAUser2(t *testing.T) {
	const unsupported = "users cannot be identified by certificates with the Kubernetes driver"
	const oidc = "oidc = {issuer = \"https://idp\", audience = \"a\"}\n"
	for _, c := range []struct {
		what, toml, noCA string
		r                Release
		maps, demands    bool
		refused          string
	}{
		{"the default before 0.1.3", "", "", firstOpenHandshake - 1, false, true, ""},
		{"the default", "", "", firstOpenHandshake, true, false, ""},
		{"OIDC before 0.1.3", oidc, "", firstSchema2, false, false, ""},
		{"OIDC", oidc, "", Newest, false, false, ""},
		{"switched on with OIDC", oidc + "mtls_auth.enabled = true", "", Newest, true, false, ""},
		{"switched off", "mtls_auth.enabled = false", "", Newest, false, false, ""},
		{"an empty table", "mtls_auth = {}", "", Newest, false, false, ""},
		{"switched on before 0.1.3", "mtls_auth.enabled = true", "", firstSchema2 + 2, false, false, unsupported},
		{"switched on without client CA", "mtls_auth.enabled = true", `client_ca_path = "/tls/ca.crt"`, Newest, false, false, "without a client CA"},
		{"switched on without TLS", "disable_tls = true\nmtls_auth.enabled = true", `client_ca_path = "/tls/ca.crt"`, Newest, false, false, "without TLS"},
		{"no client CA", "", `client_ca_path = "/tls/ca.crt"`, Newest, false, false, ""},
	} {
		text := strings.Replace(starting2, "#GATEWAY", c.toml, 1)
		config, err := Parse(c.r, "/g.toml", []byte(strings.Replace(text, c.noCA, "", 1)))
		switch {
		case c.refused != "":
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %v, want %q", c.what, err, c.refused)
			}
		case err != nil:
			t.Errorf("%s: %v", c.what, err)
		case config.MapsCertificates() != c.maps || config.DemandsCertificates() != c.demands:
			t.Errorf("%s: maps %v, demands %v", c.what, config.MapsCertificates(), config.DemandsCertificates())
		}
	}
}

// TestCallers2 checks what a gateway of a release 0.1.N takes its callers for.
func TestCallers2(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	own, formerFiles := tokensOf(t, files(t)), files(t)
	formerFiles["/jwt/kid"] = []byte("key-2")
	former := Caller{Authorization: "Bearer " + tokensOf(t, formerFiles).Issue("s", now)}
	none, certificate, sandbox := Caller{}, Caller{Certificate: true}, Caller{Authorization: "Bearer " + own.Issue("s", now)}
	const oidc, open = "oidc = {issuer = \"https://idp\", audience = \"a\"}\n", "auth.allow_unauthenticated_users = true"
	const noCA, refused = `client_ca_path = "/tls/ca.crt"`, ""
	for _, c := range []struct {
		what, toml, without string
		r                   Release
		tokens              *Tokens
		caller              Caller
		want                string
	}{
		{"no certificate", "", "", firstOpenHandshake, own, none, refused},
		{"a certificate", "", "", firstOpenHandshake, own, certificate, administrator},
		{"a token", "", "", firstOpenHandshake, own, sandbox, "sandbox s"},
		{"a token of former keys", "", "", Newest, own, former, refused},
		{"no certificate and no keys", "", "", Newest, nil, none, refused},
		{"a certificate and no keys", "", "", Newest, nil, certificate, administrator},
		{"no certificate where all are admitted", open, "", Newest, own, none, administrator},
		{"a certificate that maps to no user", "", "", firstOpenHandshake - 1, own, certificate, refused},
		{"a certificate where all are admitted", open, "", firstSchema2, own, certificate, administrator},
		{"a token before 0.1.3", "", "", firstSchema2, own, sandbox, "sandbox s"},
		{"a certificate with OIDC", oidc, "", Newest, own, certificate, refused},
		{"no token with OIDC where all are admitted", oidc + open, "", Newest, own, none, administrator},
		{"a token with OIDC", oidc, "", Newest, own, sandbox, "sandbox s"},
		{"no client CA", "", noCA, Newest, own, none, refused},
		{"nothing that identifies callers", "", noCA, Newest, nil, none, administrator},
	} {
		t.Run(c.what, func(t *testing.T) {
			text := strings.Replace(starting2, "#GATEWAY", c.toml, 1)
			config, err := Parse(c.r, "/g.toml", []byte(strings.Replace(text, c.without, "", 1)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := config.Identify(c.tokens, c.caller, now)
			if got != c.want || (err != nil) != (c.want == refused) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestHandshakeByRelease(t *testing.T) {
	for r, want := range map[Release]tls.ClientAuthType{
		NewestSchema1: tls.RequireAndVerifyClientCert, firstOpenHandshake - 1: tls.RequireAndVerifyClientCert, firstOpenHandshake: tls.VerifyClientCertIfGiven,
	} {
		c := &Config{release: r}
		config, err := (&TLS{CertPath: "/tls/tls.crt", KeyPath: "/tls/tls.key", ClientCAPath: "/tls/ca.crt"}).Load(mounted(files(t)).Read, c.DemandsCertificates())
		if err != nil || config.ClientAuth != want {
			t.Errorf("%s: %v, %v", r, config, err)
		}
	}
}

func TestFiles2(t *testing.T) {
	other := files(t)
	const bundle = "https_proxy = \"http://p:1\"\nproxy_ca_bundle = \"/bundle\""
	const middleware = "[[openshell.supervisor.middleware]]\nname = \"m\"\ngrpc_endpoint = \"https://m\"\nmax_payload_bytes = 1\ntls_ca_cert_path = \"/m.pem\""
	for _, c := range []struct {
		what, where, toml string
		files             map[string][]byte
		words             string
	}{
		{"as it is", "", "", nil, ""},
		{"the public key of another pair", "", "", map[string][]byte{"/jwt/public.pem": other["/jwt/public.pem"]}, "does not belong to the signing key"},
		{"no bundle", "#KUBERNETES", bundle, nil, "proxy_ca_bundle '/bundle': No such file"},
		{"a bundle", "#KUBERNETES", bundle, map[string][]byte{"/bundle": other["/tls/ca.crt"]}, ""},
		{"a large bundle", "#KUBERNETES", bundle, map[string][]byte{"/bundle": make([]byte, maxProxyBundle+1)}, "is larger than"},
		{"a CA for middleware", "#TABLES", middleware, map[string][]byte{"/m.pem": other["/tls/ca.crt"]}, ""},
		{"a key for middleware", "#TABLES", middleware, map[string][]byte{"/m.pem": append(other["/tls/ca.crt"], other["/tls/tls.key"]...)}, "does not consist of certificates"},
	} {
		contents := files(t)
		contents["/g.toml"] = []byte(strings.Replace(starting2, c.where, c.toml, 1))
		maps.Copy(contents, c.files)
		_, err := Load(Newest, "/g.toml", mounted(contents))
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", c.what, err, c.words)
		}
	}
}

// notRegular holds files whose gateway.toml is not a regular file.
type notRegular struct {
	mounted
	kind Kind
}

func (n notRegular) ReadRegular(path string) ([]byte, error) {
	return nil, &NotRegularError{path, n.kind}
}

func TestConfigIsARegularFile(t *testing.T) {
	contents := files(t)
	contents["/1.toml"], contents["/2.toml"] = []byte(starting), []byte(starting2)
	for _, kind := range []Kind{Symlink, Directory, Irregular} {
		if _, err := Load(NewestSchema1, "/1.toml", notRegular{contents, kind}); err != nil {
			t.Error(err)
		}
		want := "gateway config path '/2.toml' is not a regular file (" + string(kind) + ")"
		if _, err := Load(firstSchema2, "/2.toml", notRegular{contents, kind}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// unreadable holds files that cannot be read.
type unreadable struct{ mounted }

func (unreadable) ReadRegular(string) ([]byte, error) { return nil, fs.ErrPermission }

func TestPreflight(t *testing.T) {
	regular := func(text string) Files { return mounted{"/g.toml": []byte(text)} }
	version := func(line string) Files { return regular(strings.Replace(starting2, "version = 2", line, 1)) }
	for _, c := range []struct {
		what  string
		files Files
		want  string
	}{
		{"a file that starts", regular(starting2), ""},
		{"no file", mounted{}, "category=missing_path detected_version=unknown"},
		{"a link", notRegular{mounted{}, Symlink}, "category=non_regular_path detected_version=unknown"},
		{"a file of another user", unreadable{}, "category=unreadable_path detected_version=unknown"},
		{"version 1", regular("[openshell]\nversion = 1\n[openshell.gateway]\ncompute_drivers = ['kubernetes']"), "category=legacy_schema_v1 detected_version=1"},
		{"no version", regular(starting), "category=missing_version detected_version=none"},
		{"an empty file", regular(""), "category=missing_version detected_version=none"},
		{"version 3", version("version = 3"), "category=future_version detected_version=3"},
		{"version 0", version("version = 0"), "category=unsupported_version detected_version=0"},
		{"no number", version("version = '2'"), "category=malformed detected_version=unknown"},
		{"no TOML", regular("[openshell"), "category=malformed detected_version=unknown"},
		{"an unknown key", regular(strings.Replace(starting2, "#GATEWAY", "secret = 's3cr3t'", 1)), "category=malformed detected_version=2"},
		{"a contradiction", regular(strings.Replace(starting2, "#GATEWAY", "disable_tls = true", 1)), "category=malformed detected_version=2"},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := RunPreflight(Newest, []string{"config", "preflight", "--path", "/g.toml"}, func(string) string { return "" }, c.files)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := "gateway config preflight failed: path='/g.toml' " + c.want + "; the file was preserved unchanged; "
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

func TestPreflightArguments(t *testing.T) {
	files := mounted{"/g.toml": []byte(starting2)}
	for _, c := range []struct {
		args, environment string
		r                 Release
		usage, ok         bool
	}{
		{"config preflight --path=/g.toml", "", firstSchema2, false, true},
		{"config preflight -- --config /g.toml --db-url sqlite:/d", "", Newest, false, true},
		{"config preflight -- --config=/g.toml", "/other", Newest, false, true},
		{"config preflight", "/g.toml", Newest, false, true},
		{"config preflight", "", Newest, false, false},
		{"config preflight --path /other", "/g.toml", Newest, false, false},
		{"config preflight --path /g.toml -- --config /g.toml", "", Newest, true, false},
		{"config preflight --config /g.toml", "", Newest, true, false},
		{"config preflight --path", "/g.toml", Newest, true, false},
		{"config show", "", Newest, true, false},
		{"config preflight --path /g.toml", "", NewestSchema1, true, false},
	} {
		err := RunPreflight(c.r, strings.Fields(c.args), func(string) string { return c.environment }, files)
		if (err == nil) != c.ok || errors.Is(err, ErrUsage) != c.usage {
			t.Errorf("%s at %s: %v", c.args, c.r, err)
		}
	}
}

func TestNewestFor(t *testing.T) {
	for text, want := range map[string]Release{starting: NewestSchema1, starting2: Newest, "": NewestSchema1, "[": NewestSchema1, "openshell.version = 'x'": NewestSchema1} {
		if got := NewestFor([]byte(text)); got != want {
			t.Errorf("%.20q: %s", text, got)
		}
	}
}
