package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ambient-code/gatewaytenant-operator/controllers/operator"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// state is what the operator's process tells of itself.
type state struct {
	Elected    time.Time // zero: it is not the leader
	Queued     int       // tenants that wait for a reconcile, or are being reconciled
	Reconciles int       // of tenants, since the start
	CPU        float64   // seconds, since the start
	HeapBytes  uint64    // live: after a collection
	RSSBytes   uint64
	Sent       map[string]int // requests by verb and resource
}

// sent is a request of the operator's, whole.
type sent struct {
	Method, URI, ContentType, Accept string
	Body                             []byte
}

// operatorMain is the operator as cmd/manager runs it, in a process of its own that answers on a socket what it has
// sent and what it holds.
func operatorMain(args []string) error {
	flags := flag.NewFlagSet("operator", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig of the operator's ServiceAccount")
	socket := flags.String("socket", "", "path of the socket that it answers on")
	capture := flags.String("capture", "", "namespace of which all requests are kept")
	syncPeriod := flags.Duration("sync-period", 0, "how often every tenant is looked at without any event; 0: every ten hours or so")
	concurrency := flags.Int("concurrency", 16, "how many tenants are worked on at once")
	mutexes := flags.Bool("profile-mutexes", false, "note where goroutines wait for each other")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *mutexes {
		runtime.SetMutexProfileFraction(5)
	}
	operator.ConfigureGC()
	logger := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	requests := &counter{counts: map[string]int{}}
	kept := &captured{namespace: *capture}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		kept.next = next
		requests.next = kept
		return requests
	})
	options := operatortest.Options()
	options.Concurrency, options.SyncPeriod = *concurrency, *syncPeriod
	ctx, stop := context.WithCancel(ctrl.SetupSignalHandler())
	defer stop()
	running, err := operatortest.StartOperator(ctx, config, options)
	if err != nil {
		return err
	}
	server, err := serve(*socket, running.Elected(), requests, kept, stop)
	if err != nil {
		return err
	}
	defer server.Close()
	return running.Wait()
}

// serve answers on the socket.
func serve(socket string, elected <-chan struct{}, requests *counter, kept *captured, stop func()) (io.Closer, error) {
	var mu sync.Mutex
	var since time.Time
	go func() {
		<-elected
		mu.Lock()
		defer mu.Unlock()
		since = time.Now()
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/state", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		is := state{Elected: since, Sent: requests.snapshot()}
		mu.Unlock()
		err := errors.Join(is.readMetrics(), is.readMemory(r.URL.Query().Has("collect")))
		answer(w, is, err)
	})
	mux.HandleFunc("/captured", func(w http.ResponseWriter, _ *http.Request) { answer(w, kept.all(), nil) })
	mux.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) { stop() })
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) //nolint:errcheck // it ends with the process
	return server, nil
}

func answer(w http.ResponseWriter, value any, err error) {
	if err == nil {
		err = json.NewEncoder(w).Encode(value)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// readMetrics reads what controller-runtime counts.
func (s *state) readMetrics() error {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			ofTenants := false
			for _, label := range metric.Label {
				ofTenants = ofTenants || label.GetValue() == "gatewaytenant"
			}
			switch name := family.GetName(); {
			case name == "process_cpu_seconds_total":
				s.CPU = metric.GetCounter().GetValue()
			case !ofTenants:
			case name == "workqueue_depth", name == "controller_runtime_active_workers":
				s.Queued += int(metric.GetGauge().GetValue())
			case name == "controller_runtime_reconcile_total":
				s.Reconciles += int(metric.GetCounter().GetValue())
			}
		}
	}
	return nil
}

// readMemory reads what the process holds, after a collection if asked.
func (s *state) readMemory(collect bool) error {
	if collect {
		runtime.GC()
		runtime.GC() // what finalizers kept
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.HeapBytes = memory.HeapAlloc
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &s.RSSBytes); err == nil {
			s.RSSBytes <<= 10
			return nil
		}
	}
	return errors.New("/proc/self/status has no VmRSS")
}

// captured keeps the requests of one tenant.
type captured struct {
	next      http.RoundTripper
	namespace string // empty: none

	mu   sync.Mutex
	kept []sent
}

// RoundTrip sends a request, and keeps it if it writes to the tenant.
func (c *captured) RoundTrip(request *http.Request) (*http.Response, error) {
	if c.namespace == "" || request.Method != http.MethodPatch || !strings.Contains(request.URL.Path, c.namespace) || request.Body == nil {
		return c.next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Body = io.NopCloser(strings.NewReader(string(body)))
	c.mu.Lock()
	c.kept = append(c.kept, sent{request.Method, request.URL.RequestURI(), request.Header.Get("Content-Type"), request.Header.Get("Accept"), body})
	c.mu.Unlock()
	return c.next.RoundTrip(request)
}

func (c *captured) all() []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}
