package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway/testfiles"
)

// TestMain runs the program itself in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv("GATEWAY_RELEASE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// fixture is a directory with all that a gateway mounts.
type fixture struct {
	t          *testing.T
	dir        string
	ca         *testfiles.CA
	ports      [3]int
	extra      string // of gateway.toml
	program    string
	credential *syscall.Credential
}

func must[T any](t *testing.T, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ca, err := testfiles.NewCA()
	f := &fixture{t: t, dir: t.TempDir(), ca: must(t, ca, err), program: os.Args[0]}
	for i := range f.ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		f.ports[i] = must(t, listener, err).Addr().(*net.TCPAddr).Port
		_ = listener.Close()
	}
	signing, public, err := testfiles.TokenKeys()
	f.write("signing.pem", must(t, signing, err))
	f.write("public.pem", public)
	f.write("kid", []byte("key-1\n"))
	f.write("ca.crt", ca.PEM())
	f.issue("server", "localhost")
	f.issue("client")
	return f
}

// issue writes a certificate of the fixture's CA, with its key and the CA's certificate, into a directory.
func (f *fixture) issue(dir string, names ...string) {
	f.t.Helper()
	certificate, key, err := f.ca.Issue(dir, names...)
	f.write(dir+"/tls.crt", must(f.t, certificate, err))
	f.write(dir+"/tls.key", key)
	f.write(dir+"/ca.crt", f.ca.PEM())
}

func (f *fixture) write(name string, content []byte) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// toml returns a gateway.toml of a release.
func (f *fixture) toml(release, keyPath string) []byte {
	head, auth, driver := "", "auth.allow_unauthenticated_users = true\n", "[openshell.drivers.kubernetes]\n"
	if strings.HasPrefix(release, "0.1.") {
		head, auth, driver = "[openshell]\nversion = 2\n", "", driver+"grpc_endpoint = 'https://localhost'\n"
	}
	text := fmt.Sprintf(`
[openshell.gateway]
bind_address = "127.0.0.1:%[2]d"
health_bind_address = "127.0.0.1:%[3]d"
metrics_bind_address = "127.0.0.1:%[4]d"
tls = {cert_path = "%[1]s/server/tls.crt", key_path = "%[1]s/server/tls.key", client_ca_path = "%[1]s/ca.crt"}
gateway_jwt = {signing_key_path = "%[1]s/signing.pem", public_key_path = "%[1]s/public.pem", kid_path = "%[1]s/kid", ttl_secs = 3600}
`, f.dir, f.ports[0], f.ports[1], f.ports[2])
	if keyPath != "" {
		text += fmt.Sprintf("credential_storage.key_encryption_key_path = %q\n", keyPath)
	}
	return []byte(head + text + auth + f.extra + driver)
}

// process is a gateway that runs.
type process struct {
	*exec.Cmd
	log  bytes.Buffer
	done chan error
}

// run starts a gateway. It does not wait until the gateway is ready.
func (f *fixture) run(release, keyPath, fault string) *process {
	f.t.Helper()
	f.write("gateway.toml", f.toml(release, keyPath))
	command := exec.Command(f.program, "--config", f.dir+"/gateway.toml", "--db-url", "sqlite:"+f.dir+"/volume/openshell.db")
	p := &process{Cmd: command, done: make(chan error, 1)}
	p.Env = []string{"GATEWAY_RELEASE=" + release, "GATEWAY_FAULT=" + fault, "HOME=" + f.dir,
		"OPENSHELL_SERVER_PORT=" + os.Getenv("OPENSHELL_SERVER_PORT")}
	p.Stdout, p.Stderr = &p.log, &p.log
	p.SysProcAttr = &syscall.SysProcAttr{Credential: f.credential, Pdeathsig: syscall.SIGKILL}
	if err := os.MkdirAll(f.dir+"/volume", 0o777); err != nil {
		f.t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }()
	f.t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// ready starts a gateway and waits until it is ready.
func (f *fixture) ready(release, keyPath string) *process {
	f.t.Helper()
	p := f.run(release, keyPath, "")
	for deadline := time.Now().Add(20 * time.Second); f.probe("readyz") != http.StatusOK; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatal("the gateway is not ready")
		}
	}
	return p
}

func (f *fixture) probe(path string) int {
	status, _ := request(context.Background(), &http.Transport{DisableKeepAlives: true}, fmt.Sprintf("http://127.0.0.1:%d/%s", f.ports[1], path), "")
	return status
}

// stop ends a gateway as a kubelet does, and checks that it does not take long.
func (f *fixture) stop(p *process) {
	f.t.Helper()
	before := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	if err := <-p.done; err != nil || time.Since(before) > 2*time.Second {
		f.t.Fatalf("after SIGTERM: %v, %s", err, time.Since(before))
	}
}

// fails waits until a gateway has ended with an error, and returns its log without colors and line breaks.
func (f *fixture) fails(p *process) string {
	f.t.Helper()
	select {
	case err := <-p.done:
		if err == nil {
			f.t.Fatal("the gateway ended without an error")
		}
	case <-time.After(20 * time.Second):
		f.t.Fatal("the gateway runs")
	}
	return strings.Join(strings.Fields(strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "", "│", "", "×", "").Replace(p.log.String())), " ")
}

// client returns a client with the files in a directory of the fixture.
func (f *fixture) client(dir string) client {
	return client{url: fmt.Sprintf("https://localhost:%d/", f.ports[0]), dir: filepath.Join(f.dir, dir), timeout: 5 * time.Second}
}

// do sends a request with the client's certificate.
func (f *fixture) do(method, path, token, body string) (int, string) {
	f.t.Helper()
	config, err := f.client("client").config()
	transport := &http.Transport{TLSClientConfig: must(f.t, config, err), DisableKeepAlives: true}
	r, err := http.NewRequest(method, f.client("client").url+path, strings.NewReader(body))
	r = must(f.t, r, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := transport.RoundTrip(r)
	response = must(f.t, response, err)
	defer response.Body.Close()
	text := bytes.Buffer{}
	_, err = text.ReadFrom(response.Body)
	return response.StatusCode, strings.TrimSpace(must(f.t, text.String(), err))
}
