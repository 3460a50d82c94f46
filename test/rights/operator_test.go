package rights

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const operatorName = operatortest.OperatorName

// stage is where one story takes place: an operator with rights of its own, and three namespaces in which it works.
type stage struct {
	name   string
	denied chan error // what it was denied first
	once   sync.Once
}

// bridged is the namespace of the entry in platform-config, earlier that of a gateway of an earlier control plane, and newest that of a
// gateway from OpenShell 0.1 on.
func (s *stage) bridged() string { return s.name + "-bridged" }
func (s *stage) earlier() string { return s.name + "-earlier" }
func (s *stage) newest() string  { return s.name + "-newest" }

// sandboxes is the namespace of a gateway whose sandboxes are rejected.
func (s *stage) sandboxes() string { return s.name + "-sandboxes" }

// newStage makes all that is there before the operator is.
func newStage(ctx context.Context, name string, all []right, without right) (*stage, error) {
	s := &stage{name: name, denied: make(chan error, 1)}
	named := metav1.ObjectMeta{Name: name}
	here := metav1.ObjectMeta{Name: operatorName, Namespace: name}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: operatorName, Namespace: name}}
	for _, object := range []client.Object{
		namespace(name), namespace(s.earlier()), namespace(s.newest()),
		&corev1.ServiceAccount{ObjectMeta: here},
		&rbacv1.ClusterRole{ObjectMeta: named, Rules: rules(all, "ClusterRole", without)},
		&rbacv1.ClusterRoleBinding{ObjectMeta: named, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}, Subjects: subjects},
		// Only an operator in the namespace of the policies is exempt from the policy gatewaytenant-handover.
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name + "-handover"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatewaytenant-handover"}, Subjects: subjects},
		&rbacv1.Role{ObjectMeta: here, Rules: rules(all, "Role", without)},
		&rbacv1.RoleBinding{ObjectMeta: here, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: operatorName}, Subjects: subjects},
	} {
		if err := admin.Create(ctx, object); err != nil {
			return nil, err
		}
	}
	return s, s.makeEarlier(ctx)
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// run runs the operator until ctx ends.
func (s *stage) run(ctx context.Context) error {
	config, err := cluster.OperatorConfig(ctx, s.name)
	if err != nil {
		return err
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &listener{next, s} })
	options := operatortest.Options()
	options.PlatformNamespace, options.WatchNamespaces = s.name, []string{s.bridged(), s.earlier(), s.newest(), s.sandboxes()}
	options.Lifetimes.TrustDelay = time.Second // the story waits for a new name
	options.Concurrency, options.RolloutPercent = 4, 100
	operator, err := operatortest.StartOperator(ctx, config, options)
	if err != nil {
		return err
	}
	return operator.Wait()
}

// listener hears when the operator is denied something for want of a right.
type listener struct {
	next  http.RoundTripper
	stage *stage
}

func (l *listener) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusForbidden {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	if text := string(body); strings.Contains(text, "cannot ") || strings.Contains(text, "attempting to grant") {
		l.stage.once.Do(func() { l.stage.denied <- fmt.Errorf("denied: %s %s", request.Method, request.URL.Path) })
	}
	return response, nil
}
