package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	operatoroptions "github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// workload is something that happens to a tenant, and that an operator has work with.
type workload struct {
	name     string
	bridge   bool                                      // it is about platform-config
	options  func(*operatoroptions.Options)            // nil: as usual
	prepare  func(ctx context.Context, t *trial) error // until the change can begin
	change   func(ctx context.Context, t *trial) error
	done     func(t *trial) error // nil: what it waits for has come
	replaces map[id]bool          // what it makes anew or deletes
	all      bool                 // it makes everything anew, or deletes it
	adopts   bool                 // it takes over a gateway, which serves as it was until its turn comes
	warned   bool                 // it rightly calls for a person
	spares   map[id]bool          // objects of other owners, which no plan deletes or changes
	restarts bool                 // a pod needs a file that is about to be replaced, so plans restart its container
}

var workloads = []*workload{
	{name: "create", prepare: nothing, change: createTenant, done: ready},
	{name: "image", prepare: madeTenant, done: ready, change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
		gt.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.110"
	})},
	{name: "config", prepare: madeTenant, done: ready, change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
		gt.Spec.Config = "openshell.gateway.log_level = 'debug'"
	})},
	{name: "names", prepare: madeTenant, done: withNames("*.example.com", "a.example.com"), change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
		gt.Spec.ServerDNSNames = []string{"a.example.com", "*.example.com"}
	})},
	{name: "renewal", options: dueSoon, prepare: madeTenant, change: renewal, done: renewed},
	{name: "rotation of TLS", prepare: madeTenant, done: rotated, change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
		metav1.SetMetaDataAnnotation(&gt.ObjectMeta, v1alpha1.AnnotationRotateTLS, "1")
	})},
	{name: "rotation of all", prepare: madeTenant, done: rotated, replaces: map[id]bool{{"Secret", manifests.TokenKeysName}: true},
		change: changeTenant(func(gt *v1alpha1.GatewayTenant) {
			for _, annotation := range []string{v1alpha1.AnnotationRotateTLS, v1alpha1.AnnotationRotateCA, v1alpha1.AnnotationRotateTokens} {
				metav1.SetMetaDataAnnotation(&gt.ObjectMeta, annotation, "1")
			}
		})},
	{name: "lost certificate", prepare: madeTenant, change: lose(manifests.ServerTLSName), done: readyAgain, replaces: map[id]bool{{"Secret", manifests.ServerTLSName}: true}},
	{name: "lost keys", prepare: madeTenant, change: lose(manifests.TokenKeysName), done: readyAgain, replaces: map[id]bool{{"Secret", manifests.TokenKeysName}: true}},
	{name: "made again", prepare: madeTenant, change: makeAgain, done: ready, all: true},
	{name: "taken up again", prepare: madeTenant, change: takeUpAgain, done: ready, adopts: true,
		replaces: map[id]bool{{"ClusterRoleBinding", manifests.NodeReaderName}: true}},
}

func workloadNamed(name string) *workload {
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	panic("no workload is called " + name)
}

func nothing(context.Context, *trial) error { return nil }

func createTenant(ctx context.Context, t *trial) error {
	return t.admin.Create(ctx, &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: t.namespace}})
}

// madeTenant has a tenant made, and waits until it is Ready.
func madeTenant(ctx context.Context, t *trial) error {
	if err := createTenant(ctx, t); err != nil {
		return err
	}
	return poll(ctx, func() error { return ready(t) })
}

func changeTenant(edit func(*v1alpha1.GatewayTenant)) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		tenant := &v1alpha1.GatewayTenant{}
		if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: v1alpha1.Name}, tenant); err != nil {
			return err
		}
		before := tenant.DeepCopy()
		edit(tenant)
		return t.admin.Patch(ctx, tenant, client.MergeFrom(before))
	}
}

// dueSoon lets certificates be due for renewal within seconds.
func dueSoon(options *operatoroptions.Options) {
	options.Lifetimes.Leaf = 12 * time.Second
}

// renewal lets the certificates become due, and those that follow live as usual: they are renewed once.
func renewal(_ context.Context, t *trial) error {
	if err := t.current().stop(); err != nil {
		return err
	}
	t.options.Lifetimes.Leaf = certificates.DefaultLifetimes.Leaf
	return t.start()
}

func lose(secret string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		return t.admin.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: secret, Namespace: t.namespace}})
	}
}

// makeAgain deletes the tenant, and makes it again as soon as it is gone; the garbage collector may still be at work.
func makeAgain(ctx context.Context, t *trial) error {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: t.namespace}}
	if err := t.admin.Delete(ctx, tenant); err != nil {
		return err
	}
	return createTenant(ctx, t)
}

// takeUpAgain deletes the tenant alone, so that all that it owned stays without an owner, and makes it again. The certgen
// Job is among what stays, and is in the way of the one that makes the Secrets the new tenant's.
func takeUpAgain(ctx context.Context, t *trial) error {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: v1alpha1.Name}}
	if err := t.admin.Delete(ctx, tenant, client.PropagationPolicy(metav1.DeletePropagationOrphan)); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: manifests.NodeReaderPrefix + t.namespace}} // else it is a race which tenant it is of
	for _, object := range []client.Object{tenant, binding} {
		err := poll(ctx, func() error {
			err := t.admin.Get(ctx, client.ObjectKeyFromObject(object), object)
			if err == nil {
				err = fmt.Errorf("%T %s is not gone yet", object, object.GetName())
			}
			return client.IgnoreNotFound(err)
		})
		if err != nil {
			return err
		}
	}
	return createTenant(ctx, t)
}

// tenant is the GatewayTenant as the recorder last saw it.
func (t *trial) tenant() (*v1alpha1.GatewayTenant, error) {
	is := t.recorder.last(t.namespace, id{"GatewayTenant", v1alpha1.Name})
	if is.gone {
		return nil, fmt.Errorf("there is no GatewayTenant")
	}
	return asTenant(is.object)
}

func asTenant(object *unstructured.Unstructured) (*v1alpha1.GatewayTenant, error) {
	tenant := &v1alpha1.GatewayTenant{}
	return tenant, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, tenant)
}

// ready tells why the tenant is not Ready; nil: it is.
func ready(t *trial) error {
	tenant, err := t.tenant()
	if err != nil {
		return err
	}
	is := meta.FindStatusCondition(tenant.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || is.Status != metav1.ConditionTrue || is.ObservedGeneration != tenant.Generation {
		return fmt.Errorf("generation %d: Ready is %+v", tenant.Generation, is)
	}
	return nil
}

func withNames(names ...string) func(*trial) error {
	return func(t *trial) error {
		tenant, err := t.tenant()
		if err != nil {
			return err
		}
		for _, name := range names {
			if !slices.Contains(tenant.Status.ServerDNSNames, name) {
				return fmt.Errorf("the certificate carries %v", tenant.Status.ServerDNSNames)
			}
		}
		return ready(t)
	}
}

func renewed(t *trial) error {
	tenant, err := t.tenant()
	if err != nil {
		return err
	}
	if ends := tenant.Status.CertificateNotAfter; ends == nil || time.Until(ends.Time) < time.Hour {
		return fmt.Errorf("the certificates end %s", ends)
	}
	return ready(t)
}

func rotated(t *trial) error {
	tenant, err := t.tenant()
	if err != nil {
		return err
	}
	want := v1alpha1.Rotated{
		TLS: tenant.Annotations[v1alpha1.AnnotationRotateTLS], CA: tenant.Annotations[v1alpha1.AnnotationRotateCA],
		Tokens: tenant.Annotations[v1alpha1.AnnotationRotateTokens],
	}
	if is := tenant.Status.Rotated; is == nil || *is != want {
		return fmt.Errorf("rotated is %+v, want %+v", is, want)
	}
	return ready(t)
}

// readyAgain is ready with all Secrets.
func readyAgain(t *trial) error {
	for _, name := range manifests.SecretNames {
		if t.recorder.last(t.namespace, id{"Secret", name}).gone {
			return fmt.Errorf("there is no Secret %s", name)
		}
	}
	return ready(t)
}
