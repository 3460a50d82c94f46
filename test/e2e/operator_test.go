package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// trustDelay is that of the operator in most tests, so that a new name is soon reported as served.
const trustDelay = 2 * time.Second

// sharedOperator is the operator that all tests share. It can be stopped and started again. Its requests are recorded where
// they leave it.
type sharedOperator struct {
	operatortest.Requests
	cancel context.CancelFunc
	ended  chan error
}

// start starts the operator and waits until it leads.
func (o *sharedOperator) start(ctx context.Context, change ...func(*options.Options)) error {
	config, err := cluster.OperatorConfig(ctx, platformNamespace)
	if err != nil {
		return err
	}
	if config, err = throughFaults(config); err != nil {
		return err
	}
	config.Wrap(o.Wrap)
	options := operatortest.Options()
	options.Lifetimes.TrustDelay = trustDelay
	for _, f := range change {
		f(&options)
	}
	if err := configurePolicies(ctx, options); err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.Background())
	first, err := operatortest.StartOperator(running, config, options)
	if err != nil {
		cancel()
		return err
	}
	o.cancel, o.ended = cancel, make(chan error, 1)
	go func() { o.ended <- keepRunning(running, first, config, options) }()
	return first.WaitElected(cluster.Limit(30 * time.Second))
}

// keepRunning waits for the end of the operator. If faults have ended it, it is started again, as a kubelet does, until ctx
// ends.
func keepRunning(ctx context.Context, o *operatortest.Operator, config *rest.Config, options options.Options) error {
	err := o.Wait()
	for ctx.Err() == nil && *faultyShare > 0 {
		fmt.Fprintln(os.Stderr, "e2e: the operator ended, and is started again:", err)
		_ = operatortest.Pause(ctx, time.Second) // A kubelet waits as well.
		if o, err = operatortest.StartOperator(ctx, config, options); err == nil {
			err = o.Wait()
		}
	}
	return err
}

// configurePolicies writes the options of the operator to the ConfigMap that the admission policies read. A deployment's
// operator reads it as well.
func configurePolicies(ctx context.Context, options options.Options) error {
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "gatewaytenant-platform"}}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{
		"certgenImage": options.CertgenImage, "allowedRepositories": strings.Join(options.AllowedRepositories, ","),
	}})
	if err != nil {
		return err
	}
	return admin.Patch(ctx, config, client.RawPatch(types.MergePatchType, patch))
}

// writesTo matches the requests that change objects of these resources in a namespace. Without resources, it matches all of
// them except the status of the GatewayTenant.
func writesTo(namespace string, resources ...string) func(request string) bool {
	return func(request string) bool {
		_, path, in := strings.Cut(request, "/namespaces/"+namespace+"/")
		resource, rest, _ := strings.Cut(path, "/")
		if !in || !operatortest.Writes(request) {
			return false
		}
		if len(resources) == 0 {
			return resource != "gatewaytenants" || !strings.Contains(rest, "/status")
		}
		return slices.Contains(resources, resource)
	}
}

// statefulSetWrites matches the requests that change a StatefulSet in one of the namespaces. Only these restart pods.
func statefulSetWrites(namespaces ...string) func(request string) bool {
	return func(request string) bool {
		return slices.ContainsFunc(namespaces, func(namespace string) bool { return writesTo(namespace, "statefulsets")(request) })
	}
}

// deletionOf matches the deletion of the GatewayTenant in one of the namespaces.
func deletionOf(namespaces ...string) func(request string) bool {
	return func(request string) bool {
		return strings.HasPrefix(request, http.MethodDelete+" ") && slices.ContainsFunc(namespaces, func(namespace string) bool {
			return writesTo(namespace, "gatewaytenants")(request)
		})
	}
}

// quietFor fails the test if the operator sends a request that matches within a time. With faults it only waits, because
// the operator repeats requests then.
func (o *sharedOperator) quietFor(t *testing.T, d time.Duration, match func(request string) bool) {
	t.Helper()
	if *faultyShare > 0 {
		match = func(string) bool { return false }
	}
	o.QuietFor(t, d, match)
}

// waitIdle waits until the operator has sent no request that matches for a second.
func (o *sharedOperator) waitIdle(t *testing.T, match func(request string) bool) {
	t.Helper()
	o.WaitIdle(t, time.Second, cluster.Limit(30*time.Second), match)
}

// stop ends the operator in a test that does not run in parallel: no other test has an operator then.
func (o *sharedOperator) stop(t *testing.T) {
	t.Helper()
	t.Setenv("OPERATOR_CHANGED_BY", t.Name()) // fails in a parallel test, or below one; nobody reads it
	o.end()
}

// end ends the operator gracefully and waits for it.
func (o *sharedOperator) end() {
	o.cancel()
	if err := <-o.ended; err != nil {
		fmt.Fprintln(os.Stderr, "e2e: the operator ended:", err)
	}
}
