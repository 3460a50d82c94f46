package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Scheme knows the kinds that the plugin reads.
var Scheme = newScheme()

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	err := errors.Join(clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
	if err != nil {
		panic(err) // two types for one kind: a mistake in the program
	}
	return scheme
}

// NewClient makes a client of the API server of kube. The server's own priority and fairness limits the requests, so the
// client does not.
func NewClient(kube *rest.Config) (client.Client, error) {
	kube = rest.CopyConfig(kube)
	kube.QPS = -1
	return client.New(kube, client.Options{Scheme: Scheme})
}

// atOnce is how many requests are made concurrently.
const atOnce = 16

// readTenant reads a GatewayTenant. It returns nil if it does not exist.
func readTenant(ctx context.Context, cluster client.Reader, namespace string) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("GatewayTenant"))
	err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, object)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return object, explain(err)
}

// Tenant reads the GatewayTenant of a namespace. It returns an error if it does not exist.
func Tenant(ctx context.Context, cluster client.Reader, namespace string) (*v1alpha1.GatewayTenant, error) {
	object, err := readTenant(ctx, cluster, namespace)
	if err != nil {
		return nil, err
	}
	if object == nil {
		return nil, fmt.Errorf("there is no GatewayTenant in namespace %s; name another with -n, or see them all: kubectl gatewaytenant status -A", namespace)
	}
	return typed(object)
}

func typed(object *unstructured.Unstructured) (*v1alpha1.GatewayTenant, error) {
	tenant := &v1alpha1.GatewayTenant{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, tenant); err != nil {
		return nil, fmt.Errorf("GatewayTenant %s/%s: %w", object.GetNamespace(), object.GetName(), err)
	}
	return tenant, nil
}

// explain adds the remedy to errors of the API server that do not suggest one.
func explain(err error) error {
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("the cluster knows no GatewayTenants; install the operator first, or name another cluster with --context (%w)", err)
	}
	return err
}

// readSnapshots reads the state of the tenants in some namespaces, as far as the user is allowed to.
func readSnapshots(ctx context.Context, cluster client.Reader, namespaces []string) (map[string]observe.Snapshot, error) {
	apis := sandboxAPIs(ctx, cluster)
	var mu sync.Mutex
	all := map[string]observe.Snapshot{}
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(atOnce)
	for _, namespace := range namespaces {
		workers.Go(func() error {
			snapshot, err := readNamespace(ctx, cluster, namespace)
			snapshot.SandboxAPIs = apis
			mu.Lock()
			defer mu.Unlock()
			all[namespace] = snapshot
			return err
		})
	}
	return all, workers.Wait()
}

// readNamespace reads a tenant's objects by their names, so that rights on these are enough.
func readNamespace(ctx context.Context, cluster client.Reader, namespace string) (observe.Snapshot, error) {
	snapshot := observe.Snapshot{Secrets: map[string]*corev1.Secret{}}
	snapshot.Namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	switch err := cluster.Get(ctx, client.ObjectKey{Name: namespace}, &snapshot.Namespace); {
	case apierrors.IsNotFound(err):
		return snapshot, nil // so it has no objects
	case apierrors.IsForbidden(err):
		snapshot.Namespace.Name = namespace // it may exist
	case err != nil:
		return snapshot, err
	}
	for _, ref := range observe.Refs(namespace) {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(ref.GroupVersionKind())
		switch err := cluster.Get(ctx, client.ObjectKeyFromObject(ref.In(namespace)), object); {
		case err == nil:
			snapshot.Objects = append(snapshot.Objects, object)
		case apierrors.IsForbidden(err):
			snapshot.Unreadable = append(snapshot.Unreadable, ref.Kind)
		case !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err):
			return snapshot, fmt.Errorf("reading %s: %w", ref.Describe(namespace), err)
		}
	}
	slices.Sort(snapshot.Unreadable)
	snapshot.Unreadable = slices.Compact(snapshot.Unreadable)
	for _, name := range manifests.SecretNames {
		secret := &corev1.Secret{}
		switch err := cluster.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); {
		case apierrors.IsForbidden(err):
			snapshot.Secrets = nil
			return snapshot, nil
		case apierrors.IsNotFound(err):
		case err != nil:
			return snapshot, fmt.Errorf("reading Secret %s/%s: %w", namespace, name, err)
		default:
			transformed, err := certificates.Transform(secret)
			if err != nil {
				return snapshot, err
			}
			snapshot.Secrets[name] = transformed.(*corev1.Secret)
		}
	}
	return snapshot, nil
}

// sandboxAPIs returns the versions of the Sandbox API that the cluster serves. It is nil if they cannot be read.
func sandboxAPIs(ctx context.Context, cluster client.Reader) []string {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	err := cluster.Get(ctx, client.ObjectKey{Name: manifests.SandboxCRD}, crd)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil
	}
	return append([]string{}, observe.ServedVersions(crd)...)
}

// namespaces lists all namespaces.
func namespaces(ctx context.Context, cluster client.Reader) ([]metav1.PartialObjectMetadata, error) {
	list := metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := cluster.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("listing namespaces, of which entries are: %w; with --offline nothing is asked of the cluster", err)
	}
	return list.Items, nil
}
