package manifests

import (
	"fmt"
	"maps"
	"strconv"

	appsapi "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	appsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	batchv1 "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1 "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"
	rbacv1 "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// RenderInput is what Render depends on besides the tenant.
type RenderInput struct {
	// NamespaceUID is the uid of the tenant's namespace, which owns the tenant's ClusterRoleBinding.
	NamespaceUID types.UID
	// Volume is the tenant's volume.
	Volume Volume
	// Gateway has the annotations of the existing StatefulSet.
	Gateway map[string]string
	// Rollout is whether the running gateway may change.
	Rollout Rollout
	// TokenKey is the id of the present token key, empty if there is none. The pod restarts when it changes.
	TokenKey string
}

// Rollout is whether a running gateway may change. Its zero value allows the changes that the tenant requests.
type Rollout struct {
	// Held is set if the gateway stays as it is until it gets a rollout slot.
	Held bool
	// Granted is set if the StatefulSet may change in a rollout slot, although its tenant did not request that.
	Granted bool
	// Lapsed is set if the StatefulSet may change because the gateway does not serve, and an earlier rollout is over.
	Lapsed bool
}

// Objects is everything that a tenant is made of, by when it is applied. Each holds just the fields that we set.
type Objects struct {
	// Foundation is all that waits for nothing.
	Foundation []*unstructured.Unstructured
	// Certgen is the Job that makes the Secrets. It needs the foundation, and is applied only when there is work for it.
	Certgen *unstructured.Unstructured
	// Preflight is the Job that checks gateway.toml with the gateway's image before a pod is replaced. It is nil if there is none.
	Preflight *unstructured.Unstructured
	// Gateway is the StatefulSet. It needs the Secrets: a pod that misses one backs off for minutes.
	Gateway *unstructured.Unstructured
}

// Render returns all objects of a tenant. Equal inputs give equal bytes.
func Render(t Tenant, in RenderInput) (Objects, error) {
	config, err := t.configFile(in.Volume)
	if err != nil {
		return Objects{}, err
	}
	namespaced := []any{
		template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-gateway"),
		template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-sandbox"),
		template[corev1.ServiceAccountApplyConfiguration]("serviceaccount-certgen"),
	}
	namespaced = append(namespaced, t.sandboxBindings(config, in.Volume)...)
	namespaced = append(namespaced,
		roleBinding("rolebinding-certgen", t),
		template[corev1.ConfigMapApplyConfiguration]("configmap").WithData(t.configData(config, in.Volume)),
		template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-sandbox-ssh"),
		template[networkingv1.NetworkPolicyApplyConfiguration]("networkpolicy-sandbox-ssh-label"),
		template[corev1.ServiceApplyConfiguration]("service"),
	)
	namespaced = append(namespaced, t.preflightFoundation()...)
	if needsClientsPolicy(t.network) {
		namespaced = append(namespaced, clientsPolicy(t.network))
	}
	var objects Objects
	for _, object := range namespaced {
		finished, err := finish(object, t.Namespace, Owner(t.UID))
		if err != nil {
			return Objects{}, err
		}
		objects.Foundation = append(objects.Foundation, finished)
	}
	binding, err := finish(clusterRoleBinding(t), "", namespaceOwner(t.Namespace, in.NamespaceUID))
	if err != nil {
		return Objects{}, err
	}
	volume, err := finish(claim(t, in.Volume, in.Rollout.Held), t.Namespace, claimOwner(t)...)
	if err != nil {
		return Objects{}, err
	}
	objects.Foundation = append(objects.Foundation, binding, volume)
	if objects.Certgen, err = RenderCertgen(t); err != nil {
		return Objects{}, err
	}
	if objects.Preflight, err = renderPreflight(t, config); err != nil {
		return Objects{}, err
	}
	if objects.Gateway, err = finish(statefulSet(t, in, config), t.Namespace, Owner(t.UID)); err != nil {
		return Objects{}, err
	}
	return objects, nil
}

func roleBinding(name string, t Tenant) *rbacv1.RoleBindingApplyConfiguration {
	binding := template[rbacv1.RoleBindingApplyConfiguration](name)
	binding.Subjects[0].WithNamespace(t.Namespace)
	return binding
}

func clusterRoleBinding(t Tenant) *rbacv1.ClusterRoleBindingApplyConfiguration {
	binding := template[rbacv1.ClusterRoleBindingApplyConfiguration]("clusterrolebinding-node-reader")
	binding.Subjects[0].WithNamespace(t.Namespace)
	return binding.WithName(NodeReaderPrefix + t.Namespace)
}

// RenderCertgen returns the Job that issues all Secrets of the tenant. Each server name is a separate argument.
func RenderCertgen(t Tenant) (*unstructured.Unstructured, error) {
	args := append([]string{"--namespace=" + t.Namespace, "--owner-uid=" + string(t.UID)}, t.platform.certgenArgs...)
	args = append(args, t.Rotation.args()...)
	for _, name := range t.ServerNames {
		args = append(args, "--server-san="+name)
	}
	for _, name := range t.External {
		args = append(args, "--external-secret="+name)
	}
	job := template[batchv1.JobApplyConfiguration]("job-certgen")
	job.Spec.Template.Spec.Containers[0].WithImage(t.platform.certgenImage).WithArgs(args...)
	t.platform.dropFixedIDs(job.Spec.Template.Spec)
	return finish(job.WithAnnotations(map[string]string{AnnotationWish: hash(job)}), t.Namespace, Owner(t.UID))
}

// statefulSet returns the gateway's workload. Only these values restart its pod: the image, the hash of gateway.toml and the id
// of the token key. New certificates do not, since the gateway reloads them.
func statefulSet(t Tenant, in RenderInput, config configFile) *appsv1.StatefulSetApplyConfiguration {
	set := template[appsv1.StatefulSetApplyConfiguration]("statefulset")
	pod := set.Spec.Template
	container := &pod.Spec.Containers[0]
	container.WithImage(t.Image).WithImagePullPolicy(t.pullPolicy).WithEnv(environment(t)...)
	t.platform.dropFixedIDs(pod.Spec)
	asked := hash([]string{t.asked, in.TokenKey})
	set.WithAnnotations(map[string]string{annotationAsked: asked})
	if in.Rollout.Granted || !in.Rollout.Lapsed && in.Gateway[annotationRollout] != "" && in.Gateway[annotationAsked] == asked {
		set.WithAnnotations(map[string]string{annotationRollout: "platform"})
	}
	pod.WithAnnotations(map[string]string{AnnotationConfigHash: config.hash})
	pod.Spec.WithTerminationGracePeriodSeconds(t.release.GracePeriodSeconds)
	if t.release.ConfigIsFile {
		mountFile(pod, config.key)
	}
	if t.sandboxTokens {
		const volume = "sandbox-jwt"
		pod.WithAnnotations(map[string]string{AnnotationTokenKey: in.TokenKey})
		container.WithVolumeMounts(corev1.VolumeMount().WithName(volume).WithMountPath(gatewaytoml.TokenKeysPath).WithReadOnly(true))
		pod.Spec.WithVolumes(corev1.Volume().WithName(volume).WithSecret(corev1.SecretVolumeSource().WithSecretName(TokenKeysName).WithDefaultMode(0o440)))
	}
	return set
}

// environment returns the variables that the gateway reads, in addition to those in its template.
func environment(t Tenant) []*corev1.EnvVarApplyConfiguration {
	if t.telemetry == "" {
		return nil
	}
	value := strconv.FormatBool(t.telemetry == v1alpha1.TelemetryEnabled)
	return []*corev1.EnvVarApplyConfiguration{corev1.EnvVar().WithName("OPENSHELL_TELEMETRY_ENABLED").WithValue(value)}
}

// dropFixedIDs removes uids and groups from a pod on a cluster that assigns them to namespaces. Only pods of the tenant's namespace
// can then read the volume.
func (p Platform) dropFixedIDs(pod *corev1.PodSpecApplyConfiguration) {
	if p.assignsIDs {
		pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FSGroup = nil, nil, nil
	}
}

// TokenKeyIn returns the id of the token key that a StatefulSet was rendered with, empty if there was none.
func TokenKeyIn(set *appsapi.StatefulSet) string {
	return set.Spec.Template.Annotations[AnnotationTokenKey]
}

// AskedFor reports whether a StatefulSet changes because its tenant requested it, and not because of the platform.
func AskedFor(rendered, live metav1.Object) bool {
	was, marked := live.GetAnnotations()[annotationAsked]
	return marked && was != rendered.GetAnnotations()[annotationAsked]
}

// Rendered reports whether a StatefulSet has the annotations of one that Render returned.
func Rendered(live metav1.Object) bool { return live.GetAnnotations()[annotationAsked] != "" }

// RolledByPlatform reports whether the last change of a StatefulSet was because of the platform, not its tenant.
func RolledByPlatform(live metav1.Object) bool { return live.GetAnnotations()[annotationRollout] != "" }

// WithoutRollout returns a rendered object without the annotation that RolledByPlatform reads. It shares everything else with the
// original.
func WithoutRollout(rendered *unstructured.Unstructured) *unstructured.Unstructured {
	if !RolledByPlatform(rendered) {
		return rendered
	}
	metadata, _ := rendered.Object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	annotations, _ := metadata["annotations"].(map[string]any)
	annotations = maps.Clone(annotations)
	delete(annotations, annotationRollout)
	metadata["annotations"] = annotations
	without := &unstructured.Unstructured{Object: maps.Clone(rendered.Object)}
	without.Object["metadata"] = metadata
	return without
}

// finish returns an apply configuration as it is sent, with namespace, labels and owners.
func finish(configuration any, namespace string, owners ...metav1.OwnerReference) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(configuration)
	if err != nil {
		return nil, fmt.Errorf("rendering %T: %w", configuration, err)
	}
	object := &unstructured.Unstructured{Object: content}
	if namespace != metav1.NamespaceNone {
		object.SetNamespace(namespace)
	}
	object.SetLabels(Labels())
	if len(owners) > 0 {
		object.SetOwnerReferences(owners)
	}
	return object, nil
}
