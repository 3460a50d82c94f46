package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// killer forwards what a program asks of the API server, and kills the program after one of its writes: when the API
// server has done it, and before the program hears of it.
type killer struct {
	server *httptest.Server

	mu      sync.Mutex
	left    int // writes until it kills
	program *exec.Cmd
	killed  bool
}

// newKiller makes one that kills after so many writes.
func newKiller(t *testing.T, after int) *killer {
	t.Helper()
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(cluster.Config()))
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(cluster.Config().Host)
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{left: after}
	k.server = httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      transport,
		FlushInterval:  -1, // watches
		ModifyResponse: k.seen,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // the connection breaks
	})
	t.Cleanup(func() {
		k.server.CloseClientConnections()
		k.server.Close()
	})
	return k
}

// seen counts a write that was done.
func (k *killer) seen(response *http.Response) error {
	if !writes(response.Request.Method+" "+response.Request.URL.Path) || response.StatusCode >= 300 {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left--; k.left > 0 {
		return nil
	}
	k.killed = k.program.Process.Kill() == nil || k.killed
	return http.ErrAbortHandler
}

// run starts a program that reaches the API server through the killer, as a ServiceAccount.
func (k *killer) run(ctx context.Context, t *testing.T, namespace, account, program string, args ...string) {
	t.Helper()
	config, err := cluster.ServiceAccountConfig(t.Context(), namespace, account)
	if err != nil {
		t.Fatal(err)
	}
	config.Host = k.server.URL
	config.TLSClientConfig = rest.TLSClientConfig{CAData: encode("CERTIFICATE", k.server.Certificate().Raw)}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(kubeconfig, config); err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.program = exec.CommandContext(ctx, filepath.Join("../../bin", program), append([]string{"--kubeconfig=" + kubeconfig}, args...)...)
	log, err := os.Create(filepath.Join(t.TempDir(), program+".log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s said: %s", program, text)
		}
	})
	k.program.Stdout, k.program.Stderr = log, log
	if err := k.program.Start(); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the program's end, and tells whether it was killed.
func (k *killer) wait() bool {
	_ = k.program.Wait() // how it ended is in the answer
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.killed
}
