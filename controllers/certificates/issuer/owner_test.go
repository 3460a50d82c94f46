package issuer

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// hooked calls a function before each request for a Secret.
type hooked struct {
	*memory
	before func(verb, name string)
}

func (h hooked) Get(ctx context.Context, name string, o metav1.GetOptions) (*corev1.Secret, error) {
	h.before("get", name)
	return h.memory.Get(ctx, name, o)
}

func (h hooked) Create(ctx context.Context, secret *corev1.Secret, o metav1.CreateOptions) (*corev1.Secret, error) {
	h.before("create", secret.Name)
	return h.memory.Create(ctx, secret, o)
}

func (h hooked) Update(ctx context.Context, secret *corev1.Secret, o metav1.UpdateOptions) (*corev1.Secret, error) {
	h.before("update", secret.Name)
	return h.memory.Update(ctx, secret, o)
}

// stored returns the Secrets of a healthy tenant, as an API server holds them.
func stored(t *testing.T) *memory {
	t.Helper()
	m, err := converges(t, nil, desiredState(), now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// orphan does what a deletion that orphans does: it removes the GatewayTenant, and its owner reference from all Secrets.
func orphan(m *memory, gone *tenants) {
	gone.tenant = nil
	for _, secret := range m.secrets {
		secret.OwnerReferences = nil
		m.put(secret)
	}
}

// TestSecretsGetNoOwnerThatIsGone runs certgen for a GatewayTenant that is deleted or replaced before the run or during
// it. Secrets that are owned by it would be deleted by the garbage collector.
func TestSecretsGetNoOwnerThatIsGone(t *testing.T) {
	forbidden := apierrors.NewForbidden(gatewayTenants.GroupResource(), v1alpha1.Name, errors.New(`User "certgen" cannot get it`))
	const gone = "since it does not exist; once there is a new GatewayTenant, the operator runs certgen for that"
	rotate := func(w *Request) { w.Rotation = manifests.Rotation{CA: "1", TLS: "1", Tokens: "1"} }
	for _, c := range []struct {
		what    string
		request func(*Request)
		start   func(*memory, *tenants)
		during  func(verb string, n int) bool // reports whether the Secrets are orphaned before the nth request of this verb
		says    string
	}{
		{"orphaned before", nil, orphan, nil, gone},
		{"orphaned before a rotation", rotate, orphan, nil, gone},
		{"orphaned, and one Secret is lost", nil, func(m *memory, gone *tenants) {
			orphan(m, gone)
			delete(m.secrets, manifests.TokenKeysName)
		}, nil, gone},
		{"deleted with its Secrets", nil, func(m *memory, gone *tenants) {
			gone.tenant = nil
			clear(m.secrets)
		}, nil, gone},
		{"still being orphaned", nil, func(m *memory, leaving *tenants) {
			is := leaving.tenant
			orphan(m, leaving)
			is.DeletionTimestamp = &metav1.Time{Time: now}
			leaving.tenant = is
		}, nil, "since it is being deleted;"},
		{"orphaned and created again", nil, func(m *memory, replaced *tenants) {
			orphan(m, replaced)
			*replaced = *newTenants("another")
		}, nil, "with uid tenant, since it was replaced by one with uid another;"},
		{"without the right to read it", nil, func(m *memory, denied *tenants) {
			orphan(m, denied)
			denied.err = forbidden
		}, nil, "apply the current ClusterRole gatewaytenant-certgen: kubectl apply -k config/crd, or upgrade the Helm chart: "},
		{"while it cannot be read", nil, func(m *memory, denied *tenants) {
			orphan(m, denied)
			denied.err = errors.New("no route to host")
		}, nil, "reading GatewayTenant openshell-gateway in namespace tenant-a: no route to host"},
		{"orphaned between the reads of two Secrets", rotate, nil, func(verb string, n int) bool { return verb == "get" && n == 3 }, gone},
		{"orphaned between the reads and the first write", rotate, nil, func(verb string, n int) bool { return verb == "update" && n == 1 }, gone},
		{"orphaned between two writes", rotate, nil, func(verb string, n int) bool { return verb == "update" && n == 3 }, gone},
		{"orphaned while clients learn to trust a new CA", func(w *Request) {
			w.Rotation.TLS, w.Lifetimes.TrustDelay = "1", 1200*time.Millisecond
		}, func(m *memory, _ *tenants) {
			delete(m.secrets, manifests.CAName)
		}, func(verb string, n int) bool { return verb == "get" && n == 5 }, gone},
	} {
		t.Run(c.what, func(t *testing.T) {
			m, is := stored(t), newTenants("tenant")
			request := Request{Desired: desiredState(), Namespace: "tenant-a", Lifetimes: certificates.DefaultLifetimes, Tenants: is}
			request.Lifetimes.TrustDelay = 0
			if c.request != nil {
				c.request(&request)
			}
			if c.start != nil {
				c.start(m, is)
			}
			left, requests := snapshot(m), map[string]int{}
			_, err := Converge(t.Context(), hooked{m, func(verb, _ string) {
				if requests[verb]++; c.during != nil && c.during(verb, requests[verb]) {
					orphan(m, is)
					left = snapshot(m)
				}
			}}, request, now)
			if err == nil || strings.Count(err.Error(), c.says) != 1 || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is: %v; want once: %s", err, c.says)
			}
			if after := snapshot(m); !reflect.DeepEqual(after, left) {
				t.Errorf("Secrets were written for a GatewayTenant that is gone: %v", m.writes)
			}
		})
	}
}

// snapshot returns a copy of the Secrets.
func snapshot(m *memory) map[string]*corev1.Secret {
	all := map[string]*corev1.Secret{}
	for name, secret := range m.secrets {
		all[name] = secret.DeepCopy()
	}
	return all
}

// TestSecretWithoutOwnerIsNotGivenToOneThatIsDeletedMeanwhile covers a Secret that never had an owner, such as a restored
// one: no write of the garbage collector conflicts with certgen's.
func TestSecretWithoutOwnerIsNotGivenToOneThatIsDeletedMeanwhile(t *testing.T) {
	m, is := stored(t), newTenants("tenant")
	m.secrets[manifests.CAName].OwnerReferences = nil
	request := Request{Desired: desiredState(), Namespace: "tenant-a", Lifetimes: certificates.DefaultLifetimes, Tenants: is}
	_, err := Converge(t.Context(), hooked{m, func(_, name string) {
		if name == manifests.SecretNames[len(manifests.SecretNames)-1] {
			is.tenant = nil
		}
	}}, request, now)
	if err == nil || len(m.secrets[manifests.CAName].OwnerReferences) > 0 {
		t.Errorf("owners %v, error %v", m.secrets[manifests.CAName].OwnerReferences, err)
	}
}

// TestOwnerIsReadOnlyWhenASecretGetsIt, so a certgen without the right to read it still renews what a tenant has.
func TestOwnerIsReadOnlyWhenASecretGetsIt(t *testing.T) {
	m, is := stored(t), newTenants("tenant")
	is.err = errors.New("denied")
	request := Request{Desired: desiredState(), Namespace: "tenant-a", Lifetimes: certificates.DefaultLifetimes, Tenants: is}
	request.Rotation.TLS, request.Lifetimes.TrustDelay = "1", 0
	if _, err := Converge(t.Context(), m, request, now); err != nil || is.reads > 0 {
		t.Errorf("it was read %d times, error %v", is.reads, err)
	}
	is.err = nil
	for _, secret := range m.secrets {
		secret.OwnerReferences = nil
	}
	if _, err := Converge(t.Context(), m, request, now); err != nil || is.reads != len(m.secrets) {
		t.Errorf("for %d Secrets without an owner it was read %d times, error %v", len(m.secrets), is.reads, err)
	}
}
