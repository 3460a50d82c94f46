package gatewaytenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// An earlier control plane made gateways with the same names. They are taken over in place: what has the name of an
// object of ours becomes ours when it is applied, and this is what is left over then.
//
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles,resourceNames=openshell-gateway-sandbox;openshell-gateway-certgen,verbs=list;watch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,resourceNames=openshell-gateway-sandbox-ssh-v2;openshell-gateway-allow-sandbox-v2,verbs=list;watch;delete
// +kubebuilder:rbac:groups=apps,resources=deployments,resourceNames=openshell-gateway,verbs=list;watch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles,resourceNames=openshell-gateway-node-reader,verbs=bind

// leftovers are objects of the earlier control plane that have no successor. They are deleted.
var leftovers = []child{
	metadataOf(rbacv1.SchemeGroupVersion.WithKind("Role"), manifests.SandboxName),
	metadataOf(rbacv1.SchemeGroupVersion.WithKind("Role"), manifests.CertgenName),
	metadataOf(networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), "openshell-gateway-sandbox-ssh-v2"),
	metadataOf(networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), "openshell-gateway-allow-sandbox-v2"),
}

// otherWorkload is a gateway of the earlier control plane with a database server of its own.
var otherWorkload = metadataOf(appsv1.SchemeGroupVersion.WithKind("Deployment"), manifests.GatewayName)

// sharedBinding is the earlier control plane's one ClusterRoleBinding for all tenants.
const sharedBinding = "openshell-gateway-node-reader"

// adoptable refuses to begin with a gateway of which something is somebody else's. One that is ours already is kept up as
// far as it goes.
func adoptable(p *pass, tenant types.UID) error {
	if isOf(tenant, p.seen.statefulSet) {
		return nil
	}
	var errs []error
	if other := p.seen.live[otherWorkload.childKey]; other != nil && other.GetLabels()[manifests.LabelName] == manifests.AppName {
		errs = append(errs, &conflictError{object: fmt.Sprintf("Deployment %s/%s", other.GetNamespace(), other.GetName()), whose: "is a gateway whose database is not on a volume of its own, so it cannot be taken over; use another namespace, or delete it to begin anew"})
	}
	for _, object := range append(slices.Clone(p.objects.Foundation), p.objects.Gateway) {
		if err := Ours(object, p.seen.live[childKey{object.GetKind(), object.GetName()}], p.seen.owners...); errors.As(err, new(*conflictError)) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// isOf tells whether there is a StatefulSet, and it is the tenant's.
func isOf(tenant types.UID, set *appsv1.StatefulSet) bool {
	return set != nil && metav1.GetControllerOf(set) != nil && metav1.GetControllerOf(set).UID == tenant
}

// clearUp removes what the tenant asks for no longer, and what the earlier control plane left of it.
func (r *Reconciler) clearUp(ctx context.Context, p *pass) error {
	errs := []error{r.leaveSharedBinding(ctx, p), r.openUp(ctx, p)}
	for _, c := range leftovers {
		live := p.seen.live[c.childKey]
		if live == nil || live.GetDeletionTimestamp() != nil || metav1.GetControllerOf(live) != nil || live.GetLabels()[manifests.LabelName] != manifests.AppName {
			continue
		}
		errs = append(errs, r.deleteSeen(ctx, c, live))
	}
	return errors.Join(errs...)
}

// openUp removes the policy that lets in only whom the tenant names, when it names nobody any more.
func (r *Reconciler) openUp(ctx context.Context, p *pass) error {
	if live := p.unasked(); live != nil {
		return r.deleteSeen(ctx, clientsPolicy, live)
	}
	return nil
}

// unasked is the policy that is to go, nil if there is none.
func (p *pass) unasked() metav1.Object {
	live := p.seen.live[clientsPolicy.childKey]
	asked := slices.ContainsFunc(p.objects.Foundation, func(o *unstructured.Unstructured) bool { return o.GetName() == manifests.ClientsName })
	if asked || live == nil || live.GetDeletionTimestamp() != nil || !apply.AppliedBy(live, manifests.Manager) {
		return nil
	}
	return live
}

// deleteSeen deletes an object if it is still as the cache has it.
func (r *Reconciler) deleteSeen(ctx context.Context, c child, live metav1.Object) error {
	uid, version := live.GetUID(), live.GetResourceVersion()
	object := c.object.DeepCopyObject().(client.Object)
	object.SetNamespace(live.GetNamespace())
	object.SetName(live.GetName())
	return r.delete(ctx, object, fmt.Sprintf("%s %s/%s, which is no longer asked for", c.kind, live.GetNamespace(), live.GetName()),
		client.Preconditions{UID: &uid, ResourceVersion: &version})
}

// earlierConfig reads gateway.toml from the API server, nil if its ConfigMap does not exist. The caches do not hold the text,
// which only decides until the claim records what the gateway keeps.
func (r *Reconciler) earlierConfig(ctx context.Context, namespace string) (*string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var list corev1.ConfigMapList
	err := r.live.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{"metadata.name": manifests.ConfigName}) // its role allows it to list, by this name
	if err != nil {
		return nil, fmt.Errorf("reading ConfigMap %s/%s: %w", namespace, manifests.ConfigName, err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	text := list.Items[0].Data[manifests.ConfigKey]
	return &text, nil
}

// readPatience is how long the earlier gateway.toml of a gateway that serves may stay unread without a report.
const readPatience = 30 * time.Second

// waitsForRead reports whether the status is not written yet because the earlier gateway.toml of a gateway that serves could not
// be read for a short time. A busy API server refuses some reads when an upgrade of the operator reads the text of all tenants.
func (r *Reconciler) waitsForRead(namespace string, p pass) bool {
	if !p.unread {
		r.unread.Delete(namespace)
		return false
	}
	since, _ := r.unread.LoadOrStore(namespace, r.now())
	return p.seen.statefulSet != nil && workload.Serves(p.seen.statefulSet) && r.now().Sub(since.(time.Time)) < readPatience
}

// ofShared leads from the shared binding to the tenants in it.
func ofShared(_ context.Context, object client.Object) []reconcile.Request {
	var requests []reconcile.Request
	if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok {
		for _, subject := range binding.Subjects {
			requests = append(requests, tenantIn(subject.Namespace)...)
		}
	}
	return requests
}

// leaveSharedBinding takes the tenant's gateway, which has a binding of its own now, out of the shared one.
func (r *Reconciler) leaveSharedBinding(ctx context.Context, p *pass) error {
	binding := &rbacv1.ClusterRoleBinding{}
	there, err := found(r.shared.Get(ctx, client.ObjectKey{Name: sharedBinding}, binding))
	if err != nil || !there {
		return err
	}
	subject := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: manifests.GatewayName, Namespace: p.tenant.Namespace}
	i := slices.Index(binding.Subjects, subject)
	if i < 0 {
		return nil
	}
	at := fmt.Sprintf("/subjects/%d", i)
	patch, err := json.Marshal([]map[string]any{{"op": "test", "path": at, "value": subject}, {"op": "remove", "path": at}}) // others leave it, too
	if err != nil {
		return err
	}
	if err := r.Patch(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: sharedBinding}}, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("taking ServiceAccount %s/%s out of ClusterRoleBinding %s: %w", subject.Namespace, subject.Name, sharedBinding, err)
	}
	return nil
}
