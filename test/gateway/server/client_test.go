package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway/testfiles"
)

// clientRuns runs the client's command and returns its last tally.
func clientRuns(t *testing.T, arguments ...string) tally {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"client", "--interval=10ms", "--timeout=500ms"}, arguments...)...)
	command.Env = []string{"GATEWAY_RELEASE=0.0.111"}
	output, err := command.Output()
	lines := bytes.Split(bytes.TrimSpace(must(t, output, err)), []byte("\n"))
	var last tally
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil {
		t.Fatal(err)
	}
	return last
}

func TestClientCountsOutcomes(t *testing.T) {
	f := newFixture(t)
	f.ready("0.0.111", f.dir+"/volume/keys/k")
	_, token := f.do("POST", "tokens/s1", "", "")
	f.write("token", []byte(token+"\n"))
	f.write("bad-token", []byte("x"))
	f.write("half/ca.crt", f.ca.PEM())
	f.write("half/tls.crt", []byte("nonsense"))
	f.write("half/tls.key", []byte("nonsense"))
	f.write("stranger/ca.crt", f.ca.PEM())
	ca, err := testfiles.NewCA()
	f.write("other/ca.crt", must(t, ca, err).PEM())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and answers nothing
	silent = must(t, silent, err)
	url, dir := fmt.Sprintf("--url=https://localhost:%d/", f.ports[0]), func(name string) string { return "--files=" + filepath.Join(f.dir, name) }
	for want, arguments := range map[string][]string{
		"ok":          {url, dir("client"), "--token-file=" + f.dir + "/token"},
		"denied":      {url, dir("client"), "--token-file=" + f.dir + "/bad-token"},
		"files":       {url, dir("half")},
		"certificate": {url, dir("stranger")},
		"name":        {"--url=https://nosuch.invalid:1/", dir("client")},
		"refused":     {"--url=https://127.0.0.1:1/", dir("client")},
		"timeout":     {"--url=https://" + silent.Addr().String() + "/", dir("client")},
	} {
		t.Run(want, func(t *testing.T) {
			got := clientRuns(t, append(arguments, "--count=3")...)
			if got.Outcomes[want] != 3 || got.Last != want {
				t.Errorf("%+v", got)
			}
			if want == "ok" && (len(got.Instances) != 1 || len(got.Serials) != 1 || got.Callers["sandbox s1"] != 3 || got.Names[0] != "localhost") {
				t.Errorf("%+v", got)
			}
		})
	}
	for _, arguments := range [][]string{{url, dir("other")}, {url, dir("client"), "--server-name=elsewhere"}} {
		t.Run(strings.Join(arguments, " "), func(t *testing.T) {
			if got := clientRuns(t, append(arguments, "--count=2")...); got.Outcomes["certificate"] != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestClientReadsOneStateOfItsFiles while the kubelet replaces them.
func TestClientReadsOneStateOfItsFiles(t *testing.T) {
	f := newFixture(t)
	f.issue("mount/..first")
	f.issue("mount/..second")
	mount := filepath.Join(f.dir, "mount")
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key"} {
		if err := os.Symlink("..data/"+name, filepath.Join(mount, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..first", filepath.Join(mount, "..data")); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			_ = os.Symlink([]string{"..first", "..second"}[i%2], filepath.Join(mount, "..tmp"))
			_ = os.Rename(filepath.Join(mount, "..tmp"), filepath.Join(mount, "..data"))
			time.Sleep(time.Millisecond)
		}
	}()
	for {
		if _, err := (client{dir: mount}).config(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestDialAndListen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	port := must(t, listener, err).Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	listening := exec.Command(os.Args[0], "listen", fmt.Sprintf("--ports=%d", port))
	listening.Env = []string{"GATEWAY_RELEASE=0.0.111"}
	if err := listening.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listening.Process.Kill(); _ = listening.Wait() })
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(10 * time.Second); try(t.Context(), address, time.Second) != "open"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing listens")
		}
	}
	dialing := exec.Command(os.Args[0], "dial", "--timeout=1s", address, "127.0.0.1:1", "nosuch.invalid:1")
	dialing.Env = []string{"GATEWAY_RELEASE=0.0.111"}
	output, err := dialing.Output()
	if got, want := string(must(t, output, err)), address+" open\n127.0.0.1:1 refused\nnosuch.invalid:1 name\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
