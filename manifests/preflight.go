package manifests

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	batchv1 "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1 "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"
)

// preflights reports whether the gateway's image checks gateway.toml before a pod is replaced.
func (t Tenant) preflights() bool { return t.release.Preflight && !t.platform.skipsPreflight }

// preflightFoundation returns what a preflight Job needs.
func (t Tenant) preflightFoundation() []any {
	if !t.preflights() {
		return nil
	}
	return []any{
		template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-preflight"),
		template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-preflight"),
	}
}

// renderPreflight returns the Job that checks gateway.toml with the gateway's image. It has the environment of the gateway, which
// takes precedence over the file. It is nil if there is no preflight.
func renderPreflight(t Tenant, file configFile) (*unstructured.Unstructured, error) {
	if !t.preflights() {
		return nil, nil
	}
	job := template[batchv1.JobApplyConfiguration]("job-preflight")
	pod := job.Spec.Template
	container := &pod.Spec.Containers[0]
	container.WithImage(t.Image).WithImagePullPolicy(t.pullPolicy).WithEnv(environment(t)...)
	mountFile(pod, file.key)
	t.platform.dropFixedIDs(pod.Spec)
	return finish(job.WithAnnotations(map[string]string{AnnotationWish: hash(job)}), t.Namespace, Owner(t.UID))
}

// NeedsPreflight reports whether a pod that exists would be replaced by one with another image or gateway.toml, which a preflight has
// to check before.
func (o Objects) NeedsPreflight(t Tenant, volume Volume) bool {
	if o.Preflight == nil || volume.Image == "" || t.confirmedPreflight == o.Preflight.GetAnnotations()[AnnotationWish] {
		return false
	}
	return volume.Image != t.Image || volume.FileKey != fileKeyOf(o.Gateway)
}
