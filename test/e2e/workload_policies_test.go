package e2e

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

const (
	gatewayImage = "ghcr.io/nvidia/openshell/gateway:0.1.5"
	preflight    = "openshell-gateway-preflight"
	sandboxV2    = "openshell-gateway-sandbox-v2"
)

// roleBinding returns a RoleBinding that the operator may apply, or that a thief of its token would like.
func roleBinding(namespace, name, role, account string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		TypeMeta: metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "RoleBinding"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: namespace}},
	}
}

// podOf returns the pod of one of the operator's workloads as the policies admit it.
func podOf(name string) corev1.PodSpec {
	no := false
	config := corev1.Volume{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: manifests.ConfigName}}}}
	pod := corev1.PodSpec{
		ServiceAccountName: name, Containers: []corev1.Container{{Name: "a", Image: gatewayImage, SecurityContext: hardened()}},
	}
	switch name {
	case manifests.CertgenName:
		pod.Containers[0].Image, pod.Containers[0].Command = operatortest.CertgenImage, []string{"/certgen"}
	case preflight:
		pod.Containers[0].Args, pod.Volumes, pod.AutomountServiceAccountToken = []string{"config", "preflight", "--path", "/a"}, []corev1.Volume{config}, &no
	default:
		pod.Volumes = []corev1.Volume{config, secretVolume(manifests.ServerTLSName), secretVolume(manifests.TokenKeysName)}
	}
	return pod
}

// jobWith returns a Job of the operator, after a change of its pod. The name decides which pod it has before.
func jobWith(namespace, name string, change func(*corev1.PodSpec)) *batchv1.Job {
	pod := podOf(name)
	pod.RestartPolicy = corev1.RestartPolicyNever
	if change != nil {
		change(&pod)
	}
	return &batchv1.Job{
		TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod}},
	}
}

// setWith returns a gateway's StatefulSet, after a change of its pod.
func setWith(namespace string, change func(*corev1.PodSpec)) *appsv1.StatefulSet {
	pod, labels := podOf(manifests.GatewayName), map[string]string{"a": "b"}
	if change != nil {
		change(&pod)
	}
	return &appsv1.StatefulSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}, ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.GatewayName},
		Spec: appsv1.StatefulSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod},
		},
	}
}

// TestEachWorkloadIsAdmittedAsAWhole: of the operator's three workloads, none runs with the ServiceAccount, image, command or volumes of
// another.
func TestEachWorkloadIsAdmittedAsAWhole(t *testing.T) {
	t.Parallel()
	const namespace = "whole-workloads"
	cluster.CreateNamespace(t, namespace)
	operators := as(t, platformNamespace, operatortest.OperatorName)
	for _, object := range []client.Object{
		setWith(namespace, nil), jobWith(namespace, manifests.CertgenName, nil), jobWith(namespace, preflight, nil),
		roleBinding(namespace, sandboxV2, "gatewaytenant-sandboxes-v2", manifests.GatewayName),
	} {
		if err := (patchOf{object: object, patch: "apply"}).try(t.Context(), operators); err != nil {
			t.Errorf("%s: %v", object.GetName(), err)
		}
	}
	account := func(name string) func(*corev1.PodSpec) {
		return func(p *corev1.PodSpec) { p.ServiceAccountName = name }
	}
	volume := func(v corev1.Volume) func(*corev1.PodSpec) {
		return func(p *corev1.PodSpec) { p.Volumes = append(p.Volumes, v) }
	}
	for _, c := range []patchOf{
		{"a gateway as certgen", setWith(namespace, account(manifests.CertgenName)), "", "that has the name of the StatefulSet"},
		{"a gateway with a command", setWith(namespace, func(p *corev1.PodSpec) { p.Containers[0].Command = []string{"/certgen"} }), "", "what their image is for"},
		{"a gateway with the client's key", setWith(namespace, volume(secretVolume(manifests.ClientTLSName))), "", "no other volumes"},
		{"certgen as the gateway", jobWith(namespace, manifests.CertgenName, account(manifests.GatewayName)), "", "that has the name of the StatefulSet"},
		{"certgen with a gateway's image", jobWith(namespace, manifests.CertgenName, func(p *corev1.PodSpec) { p.Containers[0].Image = gatewayImage }), "", "the operator's own image"},
		{"certgen without its command", jobWith(namespace, manifests.CertgenName, func(p *corev1.PodSpec) { p.Containers[0].Command = nil }), "", "what their image is for"},
		{"certgen with a volume", jobWith(namespace, manifests.CertgenName, func(p *corev1.PodSpec) { p.Volumes = podOf(preflight).Volumes }), "", "no other volumes"},
		{"a preflight as certgen", jobWith(namespace, preflight, account(manifests.CertgenName)), "", "that has the name of the StatefulSet"},
		{"a preflight with a token", jobWith(namespace, preflight, func(p *corev1.PodSpec) { p.AutomountServiceAccountToken = nil }), "", "have no token"},
		{"a preflight with another image", jobWith(namespace, preflight, func(p *corev1.PodSpec) { p.Containers[0].Image = "docker.io/evil/gateway:1" }), "", "an allowed repository"},
		{"a preflight with a command", jobWith(namespace, preflight, func(p *corev1.PodSpec) { p.Containers[0].Command = []string{"/bin/sh"} }), "", "what their image is for"},
		{"a preflight with another subcommand", jobWith(namespace, preflight, func(p *corev1.PodSpec) { p.Containers[0].Args = []string{"generate-certs", "preflight"} }), "", "begin with config, preflight"},
		{"a preflight without arguments", jobWith(namespace, preflight, func(p *corev1.PodSpec) { p.Containers[0].Args = nil }), "", "begin with config, preflight"},
		{"a preflight with the server's key", jobWith(namespace, preflight, volume(secretVolume(manifests.ServerTLSName))), "", "no other volumes"},
		{"a preflight with a projected token", jobWith(namespace, preflight, volume(tokenVolume(""))), "", "no other volumes"},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.patch = "apply"
			denied(t, operators, c)
		})
	}
}

// TestOtherNamesAreDenied, also to an operator that has the right to create such objects.
func TestOtherNamesAreDenied(t *testing.T) {
	t.Parallel()
	const namespace = "other-names"
	cluster.CreateNamespace(t, namespace)
	cluster.Create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: operatortest.OperatorName}})
	cluster.Create(t, roleBinding(namespace, "all-rights", "cluster-admin", operatortest.OperatorName))
	operators := as(t, namespace, operatortest.OperatorName)
	cluster.Eventually(t, 10*time.Second, func() error { // until the API server heeds the binding
		return patchOf{object: jobWith(namespace, manifests.CertgenName, nil)}.try(t.Context(), operators)
	})
	job, set := jobWith(namespace, manifests.CertgenName, nil), setWith(namespace, nil)
	job.Name, set.Name = manifests.GatewayName, manifests.CertgenName
	for _, object := range []client.Object{job, set, jobWith(namespace, "x", nil)} {
		denied(t, operators, patchOf{object: object, word: "and nothing else"})
	}
	binding := roleBinding(namespace, "x", "gatewaytenant-sandboxes-v2", manifests.GatewayName)
	denied(t, operators, patchOf{object: binding, word: "only the RoleBindings of gateways"})
}
