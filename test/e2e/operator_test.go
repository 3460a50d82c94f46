package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	operatormanager "github.com/ambient-code/gatewaytenant-operator/controllers/operator"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig"
)

// trustDelay is that of the operator in most tests, so that a new name is soon reported as served.
const trustDelay = 2 * time.Second

// operatorProcess is the operator, run within the test and as its own ServiceAccount. It can be stopped and started
// again, and its requests are counted where they leave it.
type operatorProcess struct {
	cancel context.CancelFunc
	ended  chan error

	mu       sync.Mutex
	requests []string // method and path
}

func (o *operatorProcess) start(ctx context.Context, change ...func(*options.Options)) error {
	config, err := cluster.ServiceAccountConfig(ctx, platformNamespace, "gatewaytenant-operator")
	if err != nil {
		return err
	}
	if config, err = throughFaults(config); err != nil {
		return err
	}
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &counter{next, o} })
	lifetimes := certificates.DefaultLifetimes
	lifetimes.TrustDelay = trustDelay
	options := options.Options{
		PlatformNamespace:   platformNamespace,
		PlatformConfig:      "platform-config",
		EnableBridge:        true,
		CertgenImage:        "gatewaytenant-operator:latest",
		AllowedRepositories: []string{"ghcr.io/nvidia/"},
		Lifetimes:           lifetimes,
		Guard:               platformconfig.DefaultGuard,
		LeaderElect:         true,
		Concurrency:         16,
		RolloutPercent:      10,
		MetricsAddress:      "0",
		ProbeAddress:        "0",
	}
	for _, f := range change {
		f(&options)
	}
	if err := platformSays(ctx, options); err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.Background())
	elected := make(chan struct{})
	o.cancel, o.ended = cancel, make(chan error, 1)
	go func() { o.ended <- live(running, config, options, sync.OnceFunc(func() { close(elected) })) }()
	limit := patient(30 * time.Second)
	select {
	case <-elected:
		return nil
	case err := <-o.ended:
		return fmt.Errorf("the operator ended: %w", err)
	case <-time.After(limit):
		return fmt.Errorf("the operator did not become leader within %s", limit)
	}
}

// live runs the operator until the context ends. If faults have ended it, it is started again, as a kubelet does.
func live(ctx context.Context, config *rest.Config, options options.Options, elected func()) error {
	for {
		err := liveOnce(ctx, config, options, elected)
		if ctx.Err() != nil || *faultyShare == 0 {
			return err
		}
		fmt.Fprintln(os.Stderr, "e2e: the operator ended, and is started again:", err)
		time.Sleep(time.Second)
	}
}

func liveOnce(ctx context.Context, config *rest.Config, options options.Options, elected func()) error {
	mgr, err := operatormanager.NewManager(config, options)
	if err != nil {
		return err
	}
	ctx, ended := context.WithCancel(ctx)
	defer ended()
	go func() {
		select {
		case <-mgr.Elected():
			elected()
		case <-ctx.Done():
		}
	}()
	return mgr.Start(ctx)
}

// platformSays has the policies read what the operator was told, as they do where both read one ConfigMap.
func platformSays(ctx context.Context, options options.Options) error {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "gatewaytenant-platform"}}
	says, err := json.Marshal(map[string]any{"data": map[string]string{
		"certgenImage": options.CertgenImage, "allowedRepositories": strings.Join(options.AllowedRepositories, ","),
	}})
	if err != nil {
		return err
	}
	return admin.Patch(ctx, config, client.RawPatch(types.MergePatchType, says))
}

// stop ends the operator gracefully and waits for it.
func (o *operatorProcess) stop() {
	o.cancel()
	if err := <-o.ended; err != nil {
		fmt.Fprintln(os.Stderr, "e2e: the operator ended:", err)
	}
}

// counter notes each request as it leaves.
type counter struct {
	next http.RoundTripper
	of   *operatorProcess
}

func (c *counter) RoundTrip(request *http.Request) (*http.Response, error) {
	c.of.mu.Lock()
	c.of.requests = append(c.of.requests, request.Method+" "+request.URL.RequestURI())
	c.of.mu.Unlock()
	return c.next.RoundTrip(request)
}

// take returns the requests since the last call that are of the given kind.
func (o *operatorProcess) take(kind func(request string) bool) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var taken []string
	for _, request := range o.requests {
		if kind(request) {
			taken = append(taken, request)
		}
	}
	o.requests = nil
	return taken
}

// writes are all requests that change something, Events and the leader's Lease aside.
func writes(request string) bool {
	return !strings.HasPrefix(request, http.MethodGet+" ") && !strings.Contains(request, "/leases") && !strings.Contains(request, "/events")
}
