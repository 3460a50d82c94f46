package observe_test

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates/issuer"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/observetest"
)

// issue does what a certgen Job does, which leaves no Job behind.
func (f *fixture) issue(serverNames []string) {
	f.t.Helper()
	f.cluster.Delete(observe.Ref{Kind: "Job", Name: manifests.CertgenName})
	request := issuer.Request{
		Desired: certificates.Desired{Owner: f.tenant.UID, ServerNames: serverNames}, Namespace: observetest.Namespace,
		Lifetimes: certificates.DefaultLifetimes, Tenants: tenantReader{uid: f.tenant.UID},
	}
	if _, err := issuer.Converge(f.t.Context(), secretStore{secrets: f.secrets}, request, now); err != nil {
		f.t.Fatal(err)
	}
}

// secretStore is an API server that holds the tenant's Secrets.
type secretStore struct {
	corev1client.SecretInterface
	secrets map[string]*corev1.Secret
}

func (s secretStore) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	if secret := s.secrets[name]; secret != nil {
		return secret.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
}

func (s secretStore) Create(ctx context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	return s.Update(ctx, secret, metav1.UpdateOptions{})
}

func (s secretStore) Update(_ context.Context, secret *corev1.Secret, _ metav1.UpdateOptions) (*corev1.Secret, error) {
	s.secrets[secret.Name] = secret.DeepCopy()
	return secret, nil
}

// tenantReader is an API server that holds the GatewayTenant.
type tenantReader struct {
	metadata.ResourceInterface
	uid types.UID
}

func (r tenantReader) Get(_ context.Context, name string, _ metav1.GetOptions, _ ...string) (*metav1.PartialObjectMetadata, error) {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: observetest.Namespace, UID: r.uid}}, nil
}
