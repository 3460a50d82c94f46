package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	sandboxID    = "4b67c0d0"
	boundaryRole = "openshell.ai/boundary-role"
	proxySecret  = "corporate-proxy"
)

// sandboxLabels returns the labels that OpenShell's driver gives to the objects of a sandbox.
func sandboxLabels(component string) map[string]string {
	return map[string]string{"openshell.ai/managed-by": "openshell", "openshell.ai/sandbox-id": sandboxID, "openshell.ai/component": component}
}

func secretVolume(name string, keys ...string) corev1.Volume {
	source := &corev1.SecretVolumeSource{SecretName: name}
	for _, key := range keys {
		source.Items = append(source.Items, corev1.KeyToPath{Key: key, Path: key})
	}
	return corev1.Volume{Name: "secret-" + name, VolumeSource: corev1.VolumeSource{Secret: source}}
}

func projectedVolume(sources ...corev1.VolumeProjection) corev1.Volume {
	return corev1.Volume{Name: "projected", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: sources}}}
}

// tokenVolume returns a volume with a token of the pod's ServiceAccount. The API server accepts the token if the audience is empty.
func tokenVolume(audience string) corev1.Volume {
	return projectedVolume(corev1.VolumeProjection{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: audience, Path: "token"}})
}

func projectedSecret(name, key string) corev1.Volume {
	volume := projectedVolume(corev1.VolumeProjection{Secret: &corev1.SecretProjection{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, Items: []corev1.KeyToPath{{Key: key, Path: key}},
	}})
	volume.Name = "projected-secret"
	return volume
}

func claimVolume(name string) corev1.Volume {
	return corev1.Volume{Name: "claim", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}}
}

func hostVolume() corev1.Volume {
	return corev1.Volume{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}}
}

func csiVolume(driver string) corev1.Volume {
	return corev1.Volume{Name: "csi", VolumeSource: corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: driver}}}
}

// hardened is the security context of the containers of sandboxes from 0.1 on.
func hardened() *corev1.SecurityContext {
	no := false
	return &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
}

// supervisor returns the pod that a gateway of 0.1 creates for a sandbox, with its proxy's credentials, after a change.
func supervisor(namespace string, change func(*corev1.Pod)) *corev1.Pod {
	no := false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: "os-supervisor-" + sandboxID, Labels: sandboxLabels("supervisor"),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "agents.x-k8s.io/v1beta1", Kind: "Sandbox", Name: "default--a", UID: "1"}},
		},
		Spec: corev1.PodSpec{
			ServiceAccountName: manifests.SandboxName, AutomountServiceAccountToken: &no, RestartPolicy: corev1.RestartPolicyNever,
			SchedulingGates: []corev1.PodSchedulingGate{{Name: "openshell.ai/bootstrap"}},
			Containers: []corev1.Container{{
				Name: "supervisor", Image: "ghcr.io/nvidia/openshell/supervisor:0.1.5", SecurityContext: hardened(),
				Env: []corev1.EnvVar{{Name: "OPENSHELL_SANDBOX_ID", Value: sandboxID}},
			}},
			Volumes: []corev1.Volume{
				secretVolume("os-supervisor-" + sandboxID + "-1"), secretVolume(manifests.ClientTLSName, "ca.crt"), secretVolume(proxySecret, "auth"),
				tokenVolume("openshell-gateway"), csiVolume("csi.spiffe.io"), {Name: "run"}, {Name: "logs"},
			},
		},
	}
	pod.Labels[boundaryRole] = "supervisor"
	if change != nil {
		change(pod)
	}
	return pod
}

// workloadTemplate returns the template of the pod in which the code of a sandbox of 0.1 runs.
func workloadTemplate() corev1.PodTemplateSpec {
	no := false
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{boundaryRole: "workload", "openshell.ai/boundary-pair": sandboxID}},
		Spec: corev1.PodSpec{
			ServiceAccountName: manifests.SandboxName, AutomountServiceAccountToken: &no,
			SchedulingGates: []corev1.PodSchedulingGate{{Name: "openshell.ai/bootstrap"}},
			InitContainers:  []corev1.Container{{Name: "openshell-sandbox-bootstrap", Image: "ghcr.io/nvidia/openshell/sandbox:0.1.5", SecurityContext: hardened()}},
			Containers:      []corev1.Container{{Name: "agent", Image: "any:1", SecurityContext: hardened()}},
			Volumes: []corev1.Volume{
				secretVolume("os-sandbox-" + sandboxID + "-1"),
				{Name: "runtime", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}}},
				{Name: "identity", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{}}},
			},
		},
	}
}

// combinedTemplate returns the template of the one pod of a sandbox of 0.0.x.
func combinedTemplate() corev1.PodTemplateSpec {
	no, root := false, int64(0)
	return corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		ServiceAccountName: manifests.SandboxName, AutomountServiceAccountToken: &no,
		InitContainers: []corev1.Container{{Name: "workspace-init", Image: "any:1", SecurityContext: &corev1.SecurityContext{RunAsUser: &root}}},
		Containers: []corev1.Container{{
			Name: "agent", Image: "any:1", Env: []corev1.EnvVar{{Name: "OPENSHELL_SANDBOX_ID", Value: sandboxID}},
			SecurityContext: &corev1.SecurityContext{RunAsUser: &root, Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_ADMIN", "NET_ADMIN"}}},
		}},
		Volumes: []corev1.Volume{
			secretVolume(manifests.ClientTLSName), secretVolume(proxySecret, "auth"), tokenVolume("openshell-gateway"), csiVolume("csi.spiffe.io"), claimVolume("data"),
			{Name: "supervisor", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "ghcr.io/nvidia/openshell/supervisor:0.0.111"}}},
		},
	}}
}

// sandbox returns a Sandbox that a gateway creates, with a template after a change.
func sandbox(t *testing.T, namespace string, template corev1.PodTemplateSpec, change func(*corev1.PodTemplateSpec)) *unstructured.Unstructured {
	t.Helper()
	if change != nil {
		change(&template)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&template)
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "agents.x-k8s.io/v1alpha1", "kind": "Sandbox", "spec": map[string]any{"replicas": int64(0), "podTemplate": content},
	}}
	object.SetNamespace(namespace)
	object.SetName("default--a")
	object.SetLabels(sandboxLabels("sandbox"))
	return object
}

func sandboxSecret(namespace, name string, kind corev1.SecretType) *corev1.Secret {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: sandboxLabels("sandbox-bootstrap")}, Type: kind}
	switch kind {
	case corev1.SecretTypeDockerConfigJson:
		secret.StringData = map[string]string{corev1.DockerConfigJsonKey: "{}"}
	case corev1.SecretTypeServiceAccountToken:
		secret.Annotations = map[string]string{corev1.ServiceAccountNameKey: manifests.CertgenName}
	}
	return secret
}

func boundaryService(namespace, name string, change func(*corev1.ServiceSpec)) *corev1.Service {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: sandboxLabels("boundary-service")},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{boundaryRole: "workload"}, Ports: []corev1.ServicePort{{Name: "boundary", Port: 5500}}},
	}
	if change != nil {
		change(&service.Spec)
	}
	return service
}

// fence returns a NetworkPolicy of sandboxes that selects the pods of a role.
func fence(namespace, name, role string) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}},
	}
	if role != "" {
		policy.Spec.PodSelector.MatchLabels = map[string]string{boundaryRole: role}
	}
	return policy
}
