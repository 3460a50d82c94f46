package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

// Workloads in which others have a part that is theirs: a controller that writes whole objects, a quota, another issuer.
func init() {
	foreign := map[id]bool{{"Secret", manifests.ServerTLSName}: true, {"Secret", manifests.ClientTLSName}: true}
	workloads = append(workloads,
		&workload{name: "contended", prepare: madeTenant, change: contend, done: setBack, warned: true},
		&workload{name: "size withdrawn", prepare: limitedTenant, change: withdrawSize, done: ready},
		&workload{name: "foreign Secrets that fit", prepare: foreignSecrets, change: createTenant, done: untouched(foreign), spares: foreign},
		&workload{name: "foreign Secrets that do not fit", prepare: foreignSecrets, change: withdrawName, done: untouched(foreign), spares: foreign, warned: true},
	)
}

// contended are the objects that another controller writes, and what it makes of each.
var contended = map[id]func(*unstructured.Unstructured) error{
	{"ConfigMap", manifests.ConfigName}: func(o *unstructured.Unstructured) error {
		return unstructured.SetNestedField(o.Object, "contended", "data", manifests.ConfigKey)
	},
	{"Service", manifests.GatewayName}: func(o *unstructured.Unstructured) error {
		return unstructured.SetNestedStringMap(o.Object, map[string]string{"contended": "true"}, "spec", "selector")
	},
	{"RoleBinding", manifests.SandboxName}: func(o *unstructured.Unstructured) error {
		return unstructured.SetNestedSlice(o.Object, []any{}, "subjects")
	},
}

// setBack returns an error unless the tenant is Ready and the operator has applied all that the other controller has written.
func setBack(t *trial) error {
	if err := ready(t); err != nil {
		return err
	}
	for of := range contended {
		object := objectOf(of.kind)
		if err := t.admin.Get(context.Background(), client.ObjectKey{Namespace: t.namespace, Name: of.name}, object); err != nil {
			return err
		}
		if object.GetAnnotations()[apply.AnnotationHash] == "" {
			return fmt.Errorf("%s was not set back", of)
		}
	}
	return nil
}

// objectOf is an object of a kind of a tenant's objects.
func objectOf(kind string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	for _, gvk := range kinds {
		if gvk.Kind == kind {
			object.SetGroupVersionKind(gvk)
		}
	}
	return object
}

// contend has another controller write whole objects of the tenant again and again, without what the operator notes on them.
func contend(ctx context.Context, t *trial) error {
	for range 5 {
		for of, change := range contended {
			if err := t.put(ctx, of, change); err != nil {
				return err
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil
}

// put writes an object as a controller does that knows only its own fields: the annotations of others are lost.
func (t *trial) put(ctx context.Context, of id, change func(*unstructured.Unstructured) error) error {
	object := objectOf(of.kind)
	return poll(ctx, func() error { // The operator writes it, too.
		if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: of.name}, object); err != nil {
			return err
		}
		object.SetAnnotations(nil)
		object.SetManagedFields(nil)
		if err := change(object); err != nil {
			return err
		}
		return t.admin.Update(ctx, object, client.FieldOwner("contender"))
	})
}

// limitedTenant makes a tenant whose namespace has a quota that its volume uses up.
func limitedTenant(ctx context.Context, t *trial) error {
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: "storage"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceRequestsStorage: resource.MustParse("1Gi")}},
	}
	if err := t.admin.Create(ctx, quota); err != nil {
		return err
	}
	if err := madeTenant(ctx, t); err != nil {
		return err
	}
	return poll(ctx, func() error {
		if err := t.admin.Get(ctx, client.ObjectKeyFromObject(quota), quota); err != nil {
			return err
		}
		if used := quota.Status.Used[corev1.ResourceRequestsStorage]; used.String() != "1Gi" {
			return fmt.Errorf("of the quota, %s is used", used.String())
		}
		return nil
	})
}

// withdrawSize requests a size that the quota refuses, and takes it back once the status says so.
func withdrawSize(ctx context.Context, t *trial) error {
	set := func(size string) error {
		return changeTenant(func(gt *v1alpha1.GatewayTenant) { gt.Spec.Storage.Size = size })(ctx, t)
	}
	if err := set("50Ti"); err != nil {
		return err
	}
	if err := poll(ctx, func() error { return hasReason(t, v1alpha1.ConditionReady, v1alpha1.ReasonApplyFailed) }); err != nil {
		return err
	}
	return set("")
}

// foreignSecrets makes TLS Secrets as cert-manager does.
func foreignSecrets(ctx context.Context, t *trial) error {
	secrets, err := earlier.Secrets(t.namespace)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		if secret.Name == manifests.TokenKeysName {
			continue
		}
		secret.Labels = map[string]string{"controller.cert-manager.io/fao": "true"}
		secret.Annotations = map[string]string{"cert-manager.io/certificate-name": secret.Name, "cert-manager.io/issuer-name": "corporate"}
		if err := t.admin.Create(ctx, secret, client.FieldOwner("cert-manager-certificates-issuing")); err != nil {
			return err
		}
	}
	return nil
}

// withdrawName makes a tenant with a name that the certificate of the other issuer lacks, and takes the name back once the status
// says so.
func withdrawName(ctx context.Context, t *trial) error {
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: t.namespace}}
	tenant.Spec.ServerDNSNames = []string{"a.example.com"}
	if err := t.admin.Create(ctx, tenant); err != nil {
		return err
	}
	if err := poll(ctx, func() error { return hasReason(t, v1alpha1.ConditionCertificatesReady, v1alpha1.ReasonSecretBlocked) }); err != nil {
		return err
	}
	return changeTenant(func(gt *v1alpha1.GatewayTenant) { gt.Spec.ServerDNSNames = nil })(ctx, t)
}

// untouched returns an error unless the tenant is Ready and no client has written these objects since they were created.
func untouched(these map[id]bool) func(*trial) error {
	return func(t *trial) error {
		if err := ready(t); err != nil {
			return err
		}
		for of := range these {
			versions := 0
			for _, c := range t.recorder.changes(t.namespace) {
				if c.id == of {
					versions++
				}
			}
			if versions != 1 {
				return fmt.Errorf("%s has had %d versions", of, versions)
			}
		}
		return nil
	}
}

// withoutWarning removes the condition Warning: whether others were noticed to contend depends on how often they were before a crash.
func withoutWarning(content map[string]any) {
	conditions, _, _ := unstructured.NestedSlice(content, "status", "conditions")
	var kept []any
	for _, condition := range conditions {
		if condition.(map[string]any)["type"] != v1alpha1.ConditionWarning {
			kept = append(kept, condition)
		}
	}
	_ = unstructured.SetNestedSlice(content, kept, "status", "conditions") // it was a slice
}
