//go:build linux

package realnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder records what it is asked to do, and fails for the name "broken".
type recorder struct{ calls []string }

func (r *recorder) record(call, name string) error {
	r.calls = append(r.calls, call+" "+name)
	if name == "broken" {
		return errors.New("no program is called broken")
	}
	return nil
}

func (r *recorder) stop(name string) error                     { return r.record("stop", name) }
func (r *recorder) start(_ context.Context, name string) error { return r.record("start", name) }

func TestControlSocket(t *testing.T) {
	n, programs := &Node{dir: tempDir(t)}, &recorder{}
	if err := n.control(t.Context(), "GET", "/ready"); err == nil {
		t.Error("ready before the socket is served")
	}
	listener, err := listenControl(n.dir)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = serveControl(listener, programs) }()
	if err := n.control(t.Context(), "GET", "/ready"); err != nil {
		t.Error(err)
	}
	if err := n.StopProgram(t.Context(), "kubelet"); err != nil {
		t.Error(err)
	}
	if err := n.StartProgram(t.Context(), "broken"); err == nil || !strings.Contains(err.Error(), "no program is called broken") {
		t.Errorf("starting a program that cannot start: %v", err)
	}
	if got := strings.Join(programs.calls, ", "); got != "stop kubelet, start broken" {
		t.Errorf("the programs were asked to: %s", got)
	}
}

// TestDialOverControlSocket uses servers that speak first, that answer, and that do not exist.
func TestDialOverControlSocket(t *testing.T) {
	n := &Node{dir: tempDir(t)}
	listener, err := listenControl(n.dir)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = serveControl(listener, &recorder{}) }()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := server.Addr().String()
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintln(conn, "welcome")
		line, _ := bufio.NewReader(conn).ReadString('\n')
		fmt.Fprintf(conn, "got %s", line)
	}()
	conn, err := n.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "hello")
	lines := bufio.NewScanner(conn)
	var got []string
	for lines.Scan() { // It ends because the server closes its side.
		got = append(got, lines.Text())
	}
	if strings.Join(got, ", ") != "welcome, got hello" {
		t.Errorf("received %q", got)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Dial(t.Context(), address); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("dialing a closed port: %v, want it refused", err)
	}
}

func TestUnusableDirectoriesAreRejected(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a user who is not root is rejected before")
	}
	full := tempDir(t)
	if err := os.WriteFile(filepath.Join(full, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"":                                 "is empty",
		full:                               "is not empty",
		"/var/lib/node":                    "is below /var",
		"/run/realnode":                    "is below /var or /run",
		"/tmp/" + strings.Repeat("d", 100): "use a shorter directory",
	} {
		t.Run(dir, func(t *testing.T) {
			if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want an error that says %q", err, want)
			}
		})
	}
}
