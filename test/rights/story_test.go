package rights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	image = "ghcr.io/nvidia/openshell/gateway:0.0.111"
	rbac  = "rbac.authorization.k8s.io/v1"
	limit = 25 * time.Second // for one step
)

// until calls check until it returns nil, for as long as a step may take.
func until(ctx context.Context, what string, check func() error) error {
	if err := operatortest.Poll(ctx, 100*time.Millisecond, limit, check); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// story is what happens to gateways, all in all: whatever the operator has a right to, it needs for one of these steps.
func (s *stage) story(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.gatewaysCome, s.gatewayIsUpgraded, s.earlierGoes, s.ownersComeBack, s.labelComesBack, s.namesChange, s.brokenPodIsMended, s.refusedPodIsReported, s.clientsAreLetIn, s.sandboxesAreRejected, s.gatewayGoes,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// makeEarlier leaves what an earlier control plane leaves.
func (s *stage) makeEarlier(ctx context.Context) error {
	labelled := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: s.earlier(), Labels: map[string]string{manifests.LabelName: manifests.AppName}}
	}
	var errs []error
	for _, name := range []string{manifests.SandboxName, manifests.CertgenName} {
		errs = append(errs, admin.Create(ctx, &rbacv1.Role{ObjectMeta: labelled(name)}), admin.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: labelled(name), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		}))
	}
	for _, name := range []string{"openshell-gateway-sandbox-ssh-v2", "openshell-gateway-allow-sandbox-v2"} {
		errs = append(errs, admin.Create(ctx, &networkingv1.NetworkPolicy{ObjectMeta: labelled(name)}))
	}
	return errors.Join(errs...)
}

// gatewaysCome by an entry in platform-config, and by hand over what was there before.
func (s *stage) gatewaysCome(ctx context.Context) error {
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: s.earlier()}}
	gt.Spec.Network.AllowedClients = []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{}}}
	gt.Spec.Storage.WhenDeleted = v1alpha1.WhenDeletedDelete
	if err := errors.Join(admin.Create(ctx, gt), s.entry(ctx, `["a.example.com"]`)); err != nil {
		return err
	}
	if err := until(ctx, "the report", func() error {
		return admin.Get(ctx, client.ObjectKey{Namespace: s.name, Name: "platform-config-status"}, &corev1.ConfigMap{})
	}); err != nil {
		return err
	}
	if err := admin.Create(ctx, namespace(s.bridged())); err != nil { // another event about the same platform-config
		return err
	}
	return errors.Join(s.ready(ctx, s.earlier()), s.ready(ctx, s.bridged()))
}

// entry writes platform-config with one entry, or with none.
func (s *stage) entry(ctx context.Context, names string) error {
	list := "[]"
	if names != "" {
		list = fmt.Sprintf("[{name: %s, gateway: {serverDnsNames: %s}}]", s.bridged(), names)
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "platform-config", Namespace: s.name}, Data: map[string]string{"namespaces": list}}
	if err := admin.Create(ctx, config); !apierrors.IsAlreadyExists(err) {
		return err
	}
	return admin.Update(ctx, config)
}

func (s *stage) ready(ctx context.Context, namespace string) error {
	return s.reason(ctx, namespace, v1alpha1.ReasonReady)
}

// reason waits for a reason of Ready.
func (s *stage) reason(ctx context.Context, namespace, reason string) error {
	return until(ctx, namespace+" says "+reason, func() error {
		gt := &v1alpha1.GatewayTenant{}
		if err := admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: v1alpha1.Name}, gt); err != nil {
			return err
		}
		is := meta.FindStatusCondition(gt.Status.Conditions, v1alpha1.ConditionReady)
		if is == nil || is.Reason != reason || is.ObservedGeneration != gt.Generation {
			return fmt.Errorf("it is %+v", is)
		}
		return nil
	})
}

// earlierGoes: what the earlier control plane left is gone.
func (s *stage) earlierGoes(ctx context.Context) error {
	return until(ctx, "what an earlier control plane left goes", func() error {
		for kind, list := range map[string]client.ObjectList{"Role": &rbacv1.RoleList{}, "NetworkPolicy": &networkingv1.NetworkPolicyList{}} {
			if err := admin.List(ctx, list, client.InNamespace(s.earlier())); err != nil {
				return err
			}
			if left := meta.LenList(list); kind == "Role" && left > 0 || kind == "NetworkPolicy" && left > 3 {
				return fmt.Errorf("%d of kind %s are there", left, kind)
			}
		}
		shared := &rbacv1.ClusterRoleBinding{}
		if err := admin.Get(ctx, client.ObjectKey{Name: sharedBinding}, shared); err != nil {
			return err
		}
		for _, subject := range shared.Subjects {
			if subject.Namespace == s.earlier() {
				return errors.New("the shared binding still names it")
			}
		}
		return nil
	})
}

// child is one of a gateway's objects.
type child struct{ version, kind, name string }

// ownersComeBack after they were removed.
func (s *stage) ownersComeBack(ctx context.Context) error {
	return s.ownersComeBackTo(ctx, s.earlier(), []child{
		{"v1", "ServiceAccount", manifests.GatewayName}, {"v1", "ServiceAccount", manifests.SandboxName}, {"v1", "ServiceAccount", manifests.CertgenName},
		{"v1", "ConfigMap", manifests.ConfigName}, {"v1", "Service", manifests.GatewayName}, {"v1", "PersistentVolumeClaim", manifests.ClaimName},
		{"apps/v1", "StatefulSet", manifests.GatewayName}, {rbac, "RoleBinding", manifests.SandboxName}, {rbac, "RoleBinding", manifests.CertgenName},
		{"networking.k8s.io/v1", "NetworkPolicy", manifests.SandboxSSHName}, {"networking.k8s.io/v1", "NetworkPolicy", manifests.SandboxSSHLabelName},
	})
}

func (s *stage) ownersComeBackTo(ctx context.Context, namespace string, children []child) error {
	var errs []error
	for _, c := range children {
		object := &unstructured.Unstructured{}
		object.SetAPIVersion(c.version)
		object.SetKind(c.kind)
		object.SetNamespace(namespace)
		object.SetName(c.name)
		if err := admin.Patch(ctx, object, client.RawPatch(types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/ownerReferences"}]`))); err != nil {
			return fmt.Errorf("%s %s: %w", c.kind, c.name, err)
		}
		errs = append(errs, until(ctx, "the owner of "+c.kind+" "+c.name, func() error {
			if err := admin.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
				return err
			}
			if len(object.GetOwnerReferences()) == 0 {
				return errors.New("it has none")
			}
			return nil
		}))
	}
	return errors.Join(errs...)
}

// namesChange, so that the certgen Job is another.
func (s *stage) namesChange(ctx context.Context) error {
	if err := s.entry(ctx, `["b.example.com"]`); err != nil {
		return err
	}
	return until(ctx, "the certificate has the name", func() error {
		gt := &v1alpha1.GatewayTenant{}
		if err := admin.Get(ctx, client.ObjectKey{Namespace: s.bridged(), Name: v1alpha1.Name}, gt); err != nil {
			return err
		}
		if slices.Contains(gt.Status.ServerDNSNames, "b.example.com") {
			return nil
		}
		return fmt.Errorf("it has %v", gt.Status.ServerDNSNames)
	})
}

// labelComesBack changes the label by which the operator's cache selects the ClusterRoleBinding, and waits for its repair.
func (s *stage) labelComesBack(ctx context.Context) error {
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: manifests.NodeReaderPrefix + s.earlier()}}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:"somebody"}}}`, manifests.LabelManagedBy)
	if err := admin.Patch(ctx, binding, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return err
	}
	return until(ctx, "the label of "+binding.Name, func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(binding), binding); err != nil {
			return err
		}
		if is := binding.Labels[manifests.LabelManagedBy]; is != manifests.Manager {
			return fmt.Errorf("it is %q", is)
		}
		return nil
	})
}

// brokenPodIsMended, and the event that it is ready again follows one that says the same.
func (s *stage) brokenPodIsMended(ctx context.Context) error {
	if err := s.spec(ctx, s.earlier(), map[string]any{"image": image + "-never-pulls"}); err != nil {
		return err
	}
	if err := s.reason(ctx, s.earlier(), v1alpha1.ReasonImagePullFailed); err != nil {
		return err
	}
	if err := s.spec(ctx, s.earlier(), map[string]any{"image": image}); err != nil {
		return err
	}
	return s.ready(ctx, s.earlier())
}

// refusedPodIsReported: a quota refuses the gateway's pod, which only Events report.
func (s *stage) refusedPodIsReported(ctx context.Context) error {
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "no-pods", Namespace: s.earlier()},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}},
	}
	if err := admin.Create(ctx, quota); err != nil {
		return err
	}
	if err := until(ctx, "the quota is in force", func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(quota), quota); err != nil || len(quota.Status.Hard) > 0 {
			return err
		}
		return errors.New("it is not")
	}); err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: manifests.PodName, Namespace: s.earlier()}}
	if err := admin.Delete(ctx, pod); err != nil {
		return err
	}
	if err := s.reason(ctx, s.earlier(), v1alpha1.ReasonPodRefused); err != nil {
		return err
	}
	if err := admin.Delete(ctx, quota); err != nil {
		return err
	}
	return s.ready(ctx, s.earlier())
}

// clientsAreLetIn: the policy that kept them out goes.
func (s *stage) clientsAreLetIn(ctx context.Context) error {
	if err := s.spec(ctx, s.earlier(), map[string]any{"network": nil}); err != nil {
		return err
	}
	return s.gone(ctx, &networkingv1.NetworkPolicy{}, s.earlier(), manifests.ClientsName)
}

// gatewayGoes when its entry does, and its cluster-wide right with it.
func (s *stage) gatewayGoes(ctx context.Context) error {
	if err := s.entry(ctx, ""); err != nil {
		return err
	}
	return errors.Join(s.gone(ctx, &v1alpha1.GatewayTenant{}, s.bridged(), v1alpha1.Name),
		s.gone(ctx, &rbacv1.ClusterRoleBinding{}, "", manifests.NodeReaderPrefix+s.bridged()))
}

// spec merges fields into a tenant's spec.
func (s *stage) spec(ctx context.Context, namespace string, fields map[string]any) error {
	patch, err := json.Marshal(map[string]any{"spec": fields})
	if err != nil {
		return err
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Name, Namespace: namespace}}
	return admin.Patch(ctx, gt, client.RawPatch(types.MergePatchType, patch))
}

func (s *stage) gone(ctx context.Context, object client.Object, namespace, name string) error {
	return until(ctx, fmt.Sprintf("%T %s/%s goes", object, namespace, name), func() error {
		if err := admin.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object); !apierrors.IsNotFound(err) {
			return errors.Join(errors.New("it is there"), err)
		}
		return nil
	})
}
