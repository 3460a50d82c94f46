//go:build linux

package suite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestWhatStopsGateways starts pods like that of a gateway with schema version 2, each with one difference that the operator must never
// render, and checks that the program ends. test/hostile checks that the operator does not render these.
func TestWhatStopsGateways(t *testing.T) {
	t.Parallel()
	const namespace, account, schema1 = "refusals", "without-rights", "schema1"
	cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(newest2)})
	cluster.Create(t, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}})
	cluster.Create(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: schema1}, Data: map[string]string{manifests.ConfigKey: renderedConfig(t, namespace, newest)},
	})
	eventuallyReady(t, namespace)
	template := get(t, &appsv1.StatefulSet{}, namespace, manifests.GatewayName).Spec.Template.Spec
	for name, c := range map[string]struct {
		change func(*corev1.PodSpec)
		says   string // empty if the gateway starts
	}{
		"rendered": {func(*corev1.PodSpec) {}, ""},
		"schema1-file": {func(pod *corev1.PodSpec) {
			configVolume(pod).ConfigMap = &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: schema1}}
		}, "unknown field `compute_drivers`"},
		"schema2-file-before": {func(pod *corev1.PodSpec) { pod.Containers[0].Image = gatewayImage(newest) }, "unknown field `compute_driver`"},
		"directory": {func(pod *corev1.PodSpec) {
			for i, mount := range pod.Containers[0].VolumeMounts {
				if mount.SubPath != "" {
					pod.Containers[0].VolumeMounts[i].SubPath, pod.Containers[0].VolumeMounts[i].MountPath = "", "/etc/openshell"
				}
			}
		}, "is not a regular file (symlink)"},
		"missing-right": {func(pod *corev1.PodSpec) { pod.ServiceAccountName = account }, "listing sandboxes: HTTP status 403"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: *template.DeepCopy()}
			pod.Spec.RestartPolicy, pod.Spec.TerminationGracePeriodSeconds = corev1.RestartPolicyNever, new(int64(0))
			pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "openshell-data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}
			c.change(&pod.Spec)
			cluster.Create(t, pod)
			cluster.Eventually(t, 60*time.Second, func() error { return stopsWith(get(t, pod, namespace, name), c.says) })
		})
	}
}

// stopsWith returns an error unless a pod's gateway has ended with this text in its message or, if the text is empty, is ready.
func stopsWith(pod *corev1.Pod, text string) error {
	if text == "" {
		if !isReady(pod) {
			return fmt.Errorf("the gateway is not ready: %s", podText(pod))
		}
		return nil
	}
	if len(pod.Status.ContainerStatuses) == 0 || pod.Status.ContainerStatuses[0].State.Terminated == nil {
		return fmt.Errorf("the gateway has not ended: %s", podText(pod))
	}
	report := strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "", "│", "").Replace(pod.Status.ContainerStatuses[0].State.Terminated.Message)
	message := strings.Join(strings.Fields(report), " ") // without colors and line breaks
	if !strings.Contains(message, text) {
		return fmt.Errorf("the gateway ended with %q, want %q in it", message, text)
	}
	return nil
}

// configVolume returns the volume with the gateway.toml.
func configVolume(pod *corev1.PodSpec) *corev1.Volume {
	for i, volume := range pod.Volumes {
		if volume.ConfigMap != nil && volume.ConfigMap.Name == manifests.ConfigName {
			return &pod.Volumes[i]
		}
	}
	return &corev1.Volume{}
}

// renderedConfig returns the gateway.toml that the operator renders for a release by default.
func renderedConfig(t *testing.T, namespace, release string) string {
	t.Helper()
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := manifests.NewTenant(&v1alpha1.GatewayTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}, Spec: v1alpha1.GatewayTenantSpec{Image: gatewayImage(release)},
	}, platform)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Render(tenant, manifests.RenderInput{})
	if err != nil {
		t.Fatal(err)
	}
	var config *unstructured.Unstructured
	for _, object := range objects.Foundation {
		if object.GetKind() == "ConfigMap" {
			config = object
		}
	}
	return manifests.ConfigIn(config, objects.Gateway)
}
