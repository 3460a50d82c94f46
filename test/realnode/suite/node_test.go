//go:build linux

package suite

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

func TestNodeIsReady(t *testing.T) {
	is := get(t, &corev1.Node{}, "", realnode.Name)
	for _, condition := range is.Status.Conditions {
		if want := condition.Type == corev1.NodeReady; (condition.Status == corev1.ConditionTrue) != want {
			t.Errorf("the node has %s=%s: %s", condition.Type, condition.Status, condition.Message)
		}
	}
	if runtime := is.Status.NodeInfo.ContainerRuntimeVersion; !strings.HasPrefix(runtime, "containerd://") {
		t.Errorf("the node has the container runtime %q", runtime)
	}
}

// TestImport shows that images can be added while the node runs.
func TestImport(t *testing.T) {
	t.Parallel()
	image := realnode.GatewayImage(root, "imported", "0.0.71")
	if err := node.Import(t.Context(), image); err != nil {
		t.Fatal(err)
	}
	out, err := node.Command(t.Context(), "ctr", "--namespace=k8s.io", "images", "list", "--quiet").Output()
	if err != nil || !strings.Contains(string(out), image.Reference+"\n") {
		t.Errorf("%v; the images are %s, want also %s", err, out, image.Reference)
	}
}

// TestMountedSecretChanges shows that the files of a Secret change within seconds, because of the kubelet's syncFrequency.
// Other clusters need 60 to 90 s.
func TestMountedSecretChanges(t *testing.T) {
	t.Parallel()
	const namespace, name, key = "mounted-secret", "secret", "key"
	cluster.CreateNamespace(t, namespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, StringData: map[string]string{key: "before"},
	}
	cluster.Create(t, secret)
	cluster.Create(t, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: new(int64(0)),
			Containers: []corev1.Container{{
				Name: name, Image: gatewayImage(probeTag), Args: []string{"listen", "--ports", "8080"},
				VolumeMounts: []corev1.VolumeMount{{Name: name, MountPath: "/secret"}},
			}},
			Volumes: []corev1.Volume{{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}}}},
		},
	})
	mounted := func(want string) func() error {
		return func() error {
			pod := get(t, &corev1.Pod{}, namespace, name)
			file := path.Join("/var/lib/kubelet/pods", string(pod.UID), "volumes/kubernetes.io~secret", name, key)
			if got, err := node.Command(t.Context(), "cat", file).Output(); err != nil || string(got) != want {
				return fmt.Errorf("%s: %q, %w; want %q", file, got, err, want)
			}
			return nil
		}
	}
	cluster.Eventually(t, 30*time.Second, mounted("before"))
	secret.StringData = map[string]string{key: "after"}
	if err := admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 15*time.Second, mounted("after"))
}
