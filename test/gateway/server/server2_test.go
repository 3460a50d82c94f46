package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// newest2 is the newest release 0.1.N that the program can be.
var newest2 = gateway.Newest.String()

// fixture2 returns a fixture with a client that has the CA's certificate and none of its own.
func fixture2(t *testing.T) *fixture {
	f := newFixture(t)
	f.write("stranger/ca.crt", f.ca.PEM())
	return f
}

func (f *fixture) keyPath() string { return f.dir + "/volume/keys/k" }

// ask sends a request with the files of a directory, by HTTP/2 if both can.
func (f *fixture) ask(dir, method, path, contentType string) (*http.Response, string, error) {
	f.t.Helper()
	config, err := f.client(dir).config()
	transport := &http.Transport{TLSClientConfig: must(f.t, config, err), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest(method, f.client(dir).url+path, bytes.NewReader([]byte{0, 0, 0, 0, 0}))
	r = must(f.t, r, err)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func TestClientsWithoutCertificate(t *testing.T) {
	const grpc, health = "application/grpc", "openshell.v1.OpenShell/Health"
	f := fixture2(t)
	p := f.ready(newest2, f.keyPath())
	_, body, err := f.ask("client", "GET", "", "")
	if err != nil || !strings.Contains(body, `"administrator"`) || !strings.Contains(body, "CN=client") {
		t.Error(body, err)
	}
	response, _, err := f.ask("stranger", "GET", "", "")
	if response = must(t, response, err); response.StatusCode != http.StatusUnauthorized {
		t.Error(response.Status)
	}
	response, body, err = f.ask("stranger", "POST", health, grpc)
	want := "\x00\x00\x00\x00\x09\x08\x01\x12\x05" + newest2
	if response = must(t, response, err); body != want || response.Trailer.Get("Grpc-Status") != "0" || response.ProtoMajor != 2 {
		t.Errorf("%s, %q, %v", response.Proto, body, response.Trailer)
	}
	for dir, code := range map[string]string{"stranger": "16", "client": "12"} {
		response, _, err = f.ask(dir, "POST", "openshell.v1.OpenShell/ListSandboxes", grpc)
		if response = must(t, response, err); response.Header.Get("Grpc-Status") != code {
			t.Errorf("%s: %s %v", dir, response.Status, response.Header)
		}
	}
	for path, words := range map[string]string{
		".well-known/jwks.json":            `"crv":"Ed25519","kid":"key-1"`,
		".well-known/openid-configuration": `"issuer":"openshell-gateway:openshell","jwks_uri":"https://localhost:`,
	} {
		if _, body, err = f.ask("stranger", "GET", path, ""); err != nil || !strings.Contains(body, words) {
			t.Error(path, body, err)
		}
	}
	for _, dir := range []string{"stranger", "client"} { // a certificate is no token of a supervisor
		response, _, err = f.ask(dir, "POST", "openshell.v1.OpenShell/IssueSandboxToken", grpc)
		if response = must(t, response, err); response.Header.Get("Grpc-Status") != "16" {
			t.Errorf("%s: %s %v", dir, response.Status, response.Header)
		}
	}
	_, token := f.do("POST", "tokens/s1", "", "")
	f.write("token", []byte(token))
	supervisor := f.client("stranger")
	supervisor.token = f.dir + "/token"
	if a, _, err := supervisor.get(t.Context()); err != nil || a.Caller != "sandbox s1" {
		t.Error(a, err)
	}
	f.stop(p)

	f.extra = "auth.allow_unauthenticated_users = true\n"
	p = f.ready(newest2, f.keyPath())
	if _, body, err = f.ask("stranger", "GET", "", ""); err != nil || !strings.Contains(body, `"administrator"`) {
		t.Error(body, err)
	}
	f.stop(p)
	p = f.ready("0.1.2", f.keyPath())
	if _, _, err := f.ask("stranger", "POST", health, grpc); err == nil {
		t.Error("0.1.2 does not require a certificate")
	}
	if _, body, err := f.ask("client", "POST", health, grpc); err != nil || !strings.HasSuffix(body, "0.1.2") {
		t.Error(body, err)
	}
	f.stop(p)
}

func TestUpgradeToVersion2(t *testing.T) {
	f := fixture2(t)
	p := f.ready("0.0.111", f.keyPath())
	f.do("PUT", "values/a", "", "first")
	f.stop(p)
	p = f.ready("0.1.0", f.keyPath())
	if status, _ := f.do("GET", "values/a", "", ""); status != http.StatusUnauthorized { // its certificate does not make it a user yet
		t.Error(status)
	}
	f.stop(p)
	p = f.ready(newest2, f.keyPath())
	if _, value := f.do("GET", "values/a", "", ""); value != "first" {
		t.Errorf("the value became %q", value)
	}
	f.stop(p)
	if log := f.fails(f.run("0.0.111", f.keyPath(), "")); !strings.Contains(log, "migration 7 was previously applied") {
		t.Error(log)
	}
	if log := f.fails(f.run("0.1.6", f.keyPath(), "")); !strings.Contains(log, "release 0.1.6 of the gateway is not described") {
		t.Error(log)
	}
}

func TestReadiness(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "db"))
	db = must(t, db, err)
	h := &health{release: gateway.Newest}
	expect := func(code int, status, problem string) {
		t.Helper()
		w, got := httptest.NewRecorder(), readiness{}
		h.routes().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		err := json.Unmarshal(w.Body.Bytes(), &got)
		if err != nil || w.Code != code || got.Status != status || got.Checks.Database.Error != problem || got.Version != newest2 {
			t.Errorf("%d %s %v, want %d %s %q", w.Code, w.Body, err, code, status, problem)
		}
	}
	expect(503, "unhealthy", "readiness monitor still initializing")
	h.check(t.Context(), db)
	expect(200, "healthy", "")
	h.broken = true
	h.check(t.Context(), db)
	expect(503, "unhealthy", "database unavailable")
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	h.check(late, db)
	expect(503, "unhealthy", "database health check timed out")
	h.broken = false
	h.check(t.Context(), db)
	h.draining.Store(true)
	expect(503, "draining", "")
}

// TestDraining holds a request open during the shutdown.
func TestDraining(t *testing.T) {
	f := fixture2(t)
	p := f.ready(newest2, f.keyPath())
	body, feed := io.Pipe()
	config, err := f.client("client").config()
	transport := &http.Transport{TLSClientConfig: must(t, config, err), DisableKeepAlives: true}
	r, err := http.NewRequest(http.MethodPut, f.client("client").url+"values/a", body)
	r = must(t, r, err)
	answered := make(chan error, 1)
	go func() {
		response, err := transport.RoundTrip(r)
		if err == nil {
			err = response.Body.Close()
		}
		answered <- err
	}()
	if _, err := feed.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	for !f.metric("openshell_server_http_requests_total 1") {
		time.Sleep(50 * time.Millisecond)
	}
	_ = p.Process.Signal(os.Interrupt)
	for deadline := time.Now().Add(10 * time.Second); f.probe("readyz") != http.StatusServiceUnavailable; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the gateway is ready during its shutdown")
		}
	}
	_ = feed.Close()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-p.done; err != nil {
		t.Error(err)
	}
}

// metric reports whether the metrics contain a line.
func (f *fixture) metric(line string) bool {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", f.ports[2]))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return strings.Contains(string(text), line)
}

func TestConfigIsARegularFile(t *testing.T) {
	f := fixture2(t)
	f.write("real.toml", f.toml(newest2, f.keyPath()))
	if err := os.Symlink("real.toml", f.dir+"/link.toml"); err != nil {
		t.Fatal(err)
	}
	run := func(release string, arguments ...string) (int, string) {
		command := exec.Command(f.program, arguments...)
		command.Env = []string{"GATEWAY_RELEASE=" + release}
		output, _ := command.CombinedOutput() // its code is what counts
		return command.ProcessState.ExitCode(), strings.Join(strings.Fields(strings.ReplaceAll(string(output), "\x1b[31m│\x1b[0m", "")), " ")
	}
	for path, kind := range map[string]string{f.dir + "/link.toml": "symlink", f.dir: "directory", "/dev/null": "non-regular"} {
		if code, text := run(newest2, "--config", path, "--db-url", "sqlite:"+f.dir+"/db"); code != 1 || !strings.Contains(text, "is not a regular file ("+kind+")") {
			t.Errorf("%s: %d %s", path, code, text)
		}
		if code, text := run(newest2, "config", "preflight", "--path", path); code != 1 || !strings.Contains(text, "category=non_regular_path") {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	for _, c := range []struct {
		release   string
		arguments []string
		code      int
		words     string
	}{
		{newest2, []string{"config", "preflight", "--path", f.dir + "/real.toml"}, 0, "passed"},
		{"0.1.0", []string{"config", "preflight", "--", "--config", f.dir + "/real.toml"}, 0, "passed"},
		{newest2, []string{"config", "preflight", "--path", f.dir + "/none.toml"}, 1, "category=missing_path"},
		{newest2, []string{"config", "preflight", "now"}, 2, "unexpected argument"},
		{"0.0.111", []string{"config", "preflight", "--path", f.dir + "/real.toml"}, 2, "unexpected argument"},
	} {
		if code, text := run(c.release, c.arguments...); code != c.code || !strings.Contains(text, c.words) {
			t.Errorf("%s %v: %d %s", c.release, c.arguments, code, text)
		}
	}
	// A release 0.0.N follows the link.
	f.write("real.toml", f.toml("0.0.111", f.keyPath()))
	if _, err := gateway.Load(gateway.NewestSchema1, f.dir+"/link.toml", osFiles{}); err != nil {
		t.Error(err)
	}
}

func TestIssuer2(t *testing.T) {
	media, keysAt := "", ""
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", media)
		switch base := "http://" + r.Host; r.URL.Path {
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, base, base+keysAt)
		case "/keys":
			_, _ = io.WriteString(w, `{"keys": []}`)
		case "/moved/.well-known/openid-configuration":
			http.Redirect(w, r, "/.well-known/openid-configuration", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer issuer.Close()
	other := strings.Replace(issuer.URL, "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		what, issuer, media, keysAt string
		words                       string
	}{
		{"an issuer", issuer.URL, "application/json; charset=utf-8", "/keys", ""},
		{"a slash at the end", issuer.URL + "/", "application/json", "/keys", ""},
		{"a page", issuer.URL, "text/html", "/keys", "OIDC discovery request failed: url"},
		{"a redirect", issuer.URL + "/moved", "application/json", "/keys", "OIDC discovery request failed: HTTP status 302"},
		{"no issuer", "http://127.0.0.1:1", "application/json", "/keys", "OIDC discovery request failed: "},
		{"no keys", issuer.URL, "application/json", "/none", "JWKS request failed: HTTP status 404"},
		{"keys elsewhere", issuer.URL, "application/json", "@" + strings.TrimPrefix(other, "http://") + "/keys", "jwks_allowed_origins"},
	} {
		media, keysAt = c.media, c.keysAt
		err := reachIssuer(t.Context(), gateway.Newest, &gateway.OIDC{Issuer: c.issuer})
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", c.what, err, c.words)
		}
	}
	keysAt = "@" + strings.TrimPrefix(other, "http://") + "/keys" // http://user@host/keys
	if err := reachIssuer2(t.Context(), &gateway.OIDC{Issuer: issuer.URL, JWKSOrigins: []string{other}}); err != nil {
		t.Error(err)
	}
}
