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

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
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
	k := &killer{left: after}
	forward := toAPIServer(t)
	forward.ModifyResponse = k.seen
	k.server = serve(t, forward)
	return k
}

// toAPIServer is a forwarder of a test's own.
func toAPIServer(t *testing.T) *httputil.ReverseProxy {
	t.Helper()
	forward, err := forwarder()
	if err != nil {
		t.Fatal(err)
	}
	return forward
}

// forwarder forwards requests to the API server as they are.
func forwarder() (*httputil.ReverseProxy, error) {
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(cluster.Config()))
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(cluster.Config().Host)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,                                                                              // watches
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // the connection breaks
	}, nil
}

// serve is a server that lives as long as the test.
func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// kubeconfigFor writes a kubeconfig of a ServiceAccount that reaches the API server through another server.
func kubeconfigFor(t *testing.T, server *httptest.Server, namespace, account string) (path string) {
	t.Helper()
	config, err := cluster.ServiceAccountConfig(t.Context(), namespace, account)
	if err != nil {
		t.Fatal(err)
	}
	reachBy(config, server)
	path = filepath.Join(t.TempDir(), "kubeconfig")
	if err := cluster.WriteKubeconfig(path, config); err != nil {
		t.Fatal(err)
	}
	return path
}

// reachBy has a client reach the API server through another server.
func reachBy(config *rest.Config, server *httptest.Server) {
	config.Host = server.URL
	config.TLSClientConfig = rest.TLSClientConfig{CAData: encode("CERTIFICATE", server.Certificate().Raw)}
}

// seen counts a write that was done.
func (k *killer) seen(response *http.Response) error {
	if !operatortest.Writes(response.Request.Method+" "+response.Request.URL.Path) || response.StatusCode >= 300 {
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
	kubeconfig := kubeconfigFor(t, k.server, namespace, account)
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
