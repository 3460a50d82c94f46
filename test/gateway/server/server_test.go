package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway/testfiles"
)

func TestUpgradeKeepsDatabaseAndKey(t *testing.T) {
	f := newFixture(t)
	key := filepath.Join(f.dir, "volume/credentials/key-encryption-key.bin")
	old := f.ready("0.0.71", "")
	f.do("PUT", "values/a", "", "first")
	f.stop(old)
	for range 2 {
		p := f.ready("0.0.111", key)
		if _, value := f.do("GET", "values/a", "", ""); value != "first" {
			t.Errorf("the value became %q", value)
		}
		f.do("PUT", "values/b", "", "second")
		f.stop(p)
	}
	p := f.ready("0.0.111", key)
	if _, value := f.do("GET", "values/b", "", ""); value != "second" {
		t.Errorf("the encrypted value became %q", value)
	}
	f.stop(p)
	for path, want := range map[string]os.FileMode{filepath.Dir(key): 0o700, key: 0o600, f.dir + "/volume/openshell.db": 0o600} {
		info, err := os.Stat(path)
		if mode := must(t, info, err).Mode().Perm(); mode != want {
			t.Errorf("%s has mode %o, want %o", path, mode, want)
		}
	}
	if log := f.fails(f.run("0.0.71", "", "")); !strings.Contains(log, "migration 6 was previously applied but is missing in the resolved migrations") {
		t.Error(log)
	}
	// Another key does not decrypt what this one encrypted.
	p = f.ready("0.0.111", key+"2")
	if status, text := f.do("GET", "values/b", "", ""); status != http.StatusInternalServerError {
		t.Errorf("with another key: %d %s", status, text)
	}
	f.stop(p)
}

func TestKeyInAVolumeOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to run the gateway as another user")
	}
	f := newFixture(t)
	volume := f.dir + "/volume"
	if err := os.MkdirAll(volume, 0o777); err != nil {
		t.Fatal(err)
	}
	for dir := f.dir; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // so that the other user reaches the files
	}
	program, err := os.ReadFile(os.Args[0])
	f.write("program", must(t, program, err))
	f.program, f.credential = f.dir+"/program", &syscall.Credential{Uid: 1000, Gid: 1000}
	if err := os.Chmod(f.program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(volume, 0, 1000); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(volume, 0o775); err != nil {
		t.Fatal(err)
	}
	key := volume + "/key-encryption-key.bin"
	if log := f.fails(f.run("0.0.111", key, "")); !strings.Contains(log, "failed to set permissions on "+volume) {
		t.Error(log)
	}
	// In a subdirectory, the key is created.
	f.stop(f.ready("0.0.111", volume+"/credentials/key-encryption-key.bin"))
}

func TestCertificatesAreReloaded(t *testing.T) {
	f := newFixture(t)
	f.ready("0.0.71", "")
	expect := func(dir, want string) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			_, _, err := f.client(dir).get(t.Context())
			if got := outcome(err); got == want {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("%s: %s, want %s: %v", dir, got, want, err)
			}
		}
	}
	expect("client", "ok")
	f.write("stranger/ca.crt", f.ca.PEM())
	expect("stranger", "certificate") // it has none
	serial := func() string {
		_, state, err := f.client("client").get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	f.write("server/tls.key", []byte("nonsense"))
	time.Sleep(1500 * time.Millisecond) // The gateway looks at its files once a second.
	if serial() != before {
		t.Error("a bad key replaced the certificate")
	}
	f.issue("server", "localhost")
	for deadline := time.Now().Add(5 * time.Second); serial() == before; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the certificate is not reloaded")
		}
	}
	ca, err := testfiles.NewCA()
	f.ca = must(t, ca, err)
	f.write("ca.crt", ca.PEM())
	f.issue("server", "localhost")
	expect("client", "certificate")
	f.issue("client")
	expect("client", "ok")
}

func TestTokens(t *testing.T) {
	f := newFixture(t)
	p := f.ready("0.0.111", f.dir+"/volume/keys/k")
	_, token := f.do("POST", "tokens/s1", "", "")
	if _, text := f.do("GET", "", token, ""); !strings.Contains(text, `"sandbox s1"`) || !strings.Contains(text, "CN=client") {
		t.Error(text)
	}
	if status, text := f.do("GET", "", token[:len(token)-4]+"AAAA", ""); status != http.StatusUnauthorized {
		t.Error(status, text)
	}
	f.stop(p)
	f.write("kid", []byte("key-2"))
	f.ready("0.0.111", f.dir+"/volume/keys/k")
	if _, text := f.do("GET", "", token, ""); !strings.Contains(text, `"administrator"`) {
		t.Error(text)
	}
}

func TestFaults(t *testing.T) {
	f := newFixture(t)
	if log := f.fails(f.run("0.0.71", "", "crash=no space left on device")); !strings.Contains(log, "no space left on device") {
		t.Error(log)
	}
	f.fails(f.run("0.0.71", "", "crash-after=10ms"))
	p := f.run("0.0.71", "", "never-ready")
	for f.probe("healthz") != http.StatusOK {
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond) // Another gateway would be ready by now.
	if status := f.probe("readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", status)
	}
	f.stop(p)
	t.Setenv("OPENSHELL_SERVER_PORT", "tcp://10.96.0.7:8080")
	if log := f.fails(f.run("0.0.71", "", "")); !strings.Contains(log, "invalid value 'tcp://10.96.0.7:8080'") {
		t.Error(log)
	}
	t.Setenv("OPENSHELL_SERVER_PORT", "")
	f.extra = "nonsense = 1\n"
	if log := f.fails(f.run("0.0.71", "", "")); !strings.Contains(log, "unknown field `nonsense`") {
		t.Error(log)
	}
}
