package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// oracle judges each request by which the operator changes something. It is between the operator and its API server.
type oracle struct {
	mu         sync.Mutex
	tenants    map[string]*asked
	bridged    bool // the bridge may delete what says that it made it
	judged     map[string]int
	violations []string
	last       time.Time // when the operator last wrote for a tenant
}

func newOracle() *oracle { return &oracle{tenants: map[string]*asked{}, judged: map[string]int{}} }

// of is what a tenant asked for so far.
func (o *oracle) of(namespace string) *asked {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tenants[namespace] == nil {
		o.tenants[namespace] = newAsked(namespace)
	}
	return o.tenants[namespace]
}

// leave makes a tenant one for which nothing may be done any more.
func (o *oracle) leave(namespace string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.tenants, namespace)
}

// takesOver lets the bridge delete what says that it made it.
func (o *oracle) takesOver() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bridged = true
}

// fault notes what is wrong beside requests.
func (o *oracle) fault(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.violations = append(o.violations, fmt.Sprintf(format, args...))
}

// said is what was wrong with requests so far.
func (o *oracle) said() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.violations)
}

// watching puts the oracle before next.
func (o *oracle) watching(next http.RoundTripper) http.RoundTripper { return &transport{next, o} }

type transport struct {
	next http.RoundTripper
	of   *oracle
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		var body []byte
		if request.Body != nil {
			var err error
			if body, err = io.ReadAll(request.Body); err != nil {
				return nil, err
			}
			request.Body = io.NopCloser(bytes.NewReader(body))
		}
		t.of.note(request, body)
	}
	return t.next.RoundTrip(request)
}

// note judges a request and remembers what is wrong with it.
func (o *oracle) note(request *http.Request, body []byte) {
	named, err := targetOf(request.URL)
	w := write{request.Method, request.Header.Get("Content-Type"), named, body}
	if err == nil {
		err = o.judge(w)
	}
	if err != nil {
		o.fault("%s %s: %v\n%.4000q", request.Method, request.URL.RequestURI(), err, body)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judged[w.method+" "+w.resource]++
	if w.namespace != platformNamespace {
		o.last = time.Now()
	}
}

// idle returns how long ago the operator last wrote for a tenant.
func (o *oracle) idle() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.last)
}

// judge says what is wrong with a request; nil: nothing is.
func (o *oracle) judge(w write) error {
	if w.namespace == platformNamespace {
		if !mayBe(allowedForItself, w) {
			return fmt.Errorf("the operator does not write this for itself")
		}
		return nil
	}
	namespace := w.namespace
	if namespace == "" {
		of, is := strings.CutPrefix(w.name, manifests.NodeReaderPrefix)
		if !is || w.resource != "rbac.authorization.k8s.io/clusterrolebindings" || w.subresource != "" || w.method != http.MethodPatch && w.method != http.MethodDelete {
			return fmt.Errorf("nothing in the cluster is a tenant's but its ClusterRoleBinding")
		}
		namespace = of
	}
	o.mu.Lock()
	asked, bridged := o.tenants[namespace], o.bridged
	o.mu.Unlock()
	if asked == nil {
		return fmt.Errorf("%s is not the namespace of a tenant that attacks", namespace)
	}
	if w.namespace != "" && !mayBe(allowed, w) {
		if w.method == http.MethodPatch && w.resource == "openshell.ambient-code.io/gatewaytenants" && w.subresource == "" && slices.Contains(bystanders, w.namespace) {
			return nil // the bridge makes it; later the oracle knows the namespace no more
		}
		if bridged && w.method == http.MethodDelete && w.resource == "openshell.ambient-code.io/gatewaytenants" && w.name == v1alpha1.Name {
			return nil
		}
		return fmt.Errorf("the operator does not write this for a tenant")
	}
	switch {
	case w.method == http.MethodDelete || w.resource == "events.k8s.io/events" && w.method == http.MethodPatch:
		return nil
	case w.resource == "events.k8s.io/events":
		return judgeEvent(w)
	case w.content == "application/json-patch+json":
		return judgeTakeOver(w)
	case w.subresource == "status":
		return judgeStatus(w)
	case w.content != "application/apply-patch+yaml":
		return fmt.Errorf("it is not applied, but sent as %s", w.content)
	}
	return asked.judge(w)
}

// judgeEvent lets through what is about the tenant and said in its namespace.
func judgeEvent(w write) error {
	event := &eventsv1.Event{}
	if _, _, err := clientgoscheme.Codecs.UniversalDeserializer().Decode(w.body, nil, event); err != nil {
		return err
	}
	about := event.Regarding
	if event.Namespace != w.namespace || about.Namespace != w.namespace || about.Kind != "GatewayTenant" || about.Name != v1alpha1.Name || event.Related != nil {
		return fmt.Errorf("the event is about %v", about)
	}
	return nil
}

// judgeTakeOver lets managedFields change, and nothing beside them.
func judgeTakeOver(w write) error {
	var steps []struct{ Op, Path string }
	if err := json.Unmarshal(w.body, &steps); err != nil {
		return err
	}
	for _, step := range steps {
		if step.Op != "replace" || step.Path != "/metadata/managedFields" && step.Path != "/metadata/resourceVersion" {
			return fmt.Errorf("the patch does more than to take fields over")
		}
	}
	return nil
}

// judgeStatus lets the status change, and nothing beside it.
func judgeStatus(w write) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(w.body, &parts); err != nil {
		return err
	}
	if keys := slices.Collect(maps.Keys(parts)); w.content != "application/merge-patch+json" || !slices.Equal(keys, []string{"status"}) {
		return fmt.Errorf("the patch of the status, %s, has the keys %v", w.content, keys)
	}
	return nil
}

// judge holds an object that is applied against what a harmless tenant's is. They differ where a tenant has a say, and
// what is said there is what the tenant asked for.
func (a *asked) judge(w write) error {
	var sent map[string]any
	if err := json.Unmarshal(w.body, &sent); err != nil {
		return err
	}
	key := w.resource + "/" + w.name
	var said error
	a.mu.Lock()
	leveled := a.level(key, sent, func(format string, args ...any) { said = fmt.Errorf(format, args...) })
	a.mu.Unlock()
	if said != nil {
		return said
	}
	for _, harmless := range a.harmless[key] {
		if reflect.DeepEqual(harmless, leveled) {
			return nil
		}
	}
	if len(a.harmless[key]) == 0 {
		return fmt.Errorf("no harmless tenant has a %s", key)
	}
	return fmt.Errorf("it is not as a harmless tenant's: %s", cmp.Diff(a.harmless[key][0], leveled))
}

// leveledObject makes a harmless tenant's object comparable.
func (a *asked) leveledObject(key string, object runtime.Object) (map[string]any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, err
	}
	return a.level(key, content, func(string, ...any) {}), nil
}
