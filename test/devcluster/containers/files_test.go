package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

const starts2 = `
[openshell]
version = 2
[openshell.gateway]
bind_address = "0.0.0.0:8080"
health_bind_address = "0.0.0.0:8081"
disable_tls = true
[openshell.drivers.kubernetes]
grpc_endpoint = "http://gateway:8080"
`

func TestFilesOfAMount(t *testing.T) {
	contents := map[string][]byte{"g.toml": []byte("1"), "deep/k": []byte("2")}
	for _, c := range []struct {
		what, path, subPath string
		want                files
	}{
		{"a whole volume", "/etc", "", files{"/etc/g.toml": {[]byte("1"), gateway.Symlink}, "/etc/deep/k": {[]byte("2"), ""}}},
		{"one key", "/etc/g.toml", "g.toml", files{"/etc/g.toml": {[]byte("1"), ""}}},
		{"a directory of it", "/etc", "deep", files{"/etc/k": {[]byte("2"), ""}}},
		{"a key that does not exist", "/etc/x.toml", "x.toml", files{"/etc/x.toml": {nil, gateway.Directory}}},
	} {
		got := place(corev1.VolumeMount{MountPath: c.path, SubPath: c.subPath}, contents)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(file{})); diff != "" {
			t.Errorf("%s: %s", c.what, diff)
		}
	}
}

// withConfig returns a gateway's pod that mounts the key g.toml of a ConfigMap, and a kubelet of a cluster that has it.
func withConfig(image, text string, mount corev1.VolumeMount) (*kubelet, *corev1.Pod, *corev1.ConfigMap) {
	k, pod := gatewayOf(image, nil)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "config", Namespace: pod.Namespace}, Data: map[string]string{"g.toml": text}}
	k.client = fake.NewClientBuilder().WithObjects(config).Build()
	k.live = fake.NewClientBuilder().Build()
	mount.Name = "config"
	pod.Spec.Containers[0].Args = []string{"--config", "/etc/g.toml"}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{mount}
	pod.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}},
	}}}
	return k, pod, config
}

func TestConfigIsMountedAsAReleaseRequires(t *testing.T) {
	directory, key := corev1.VolumeMount{MountPath: "/etc"}, corev1.VolumeMount{MountPath: "/etc/g.toml", SubPath: "g.toml"}
	absent := corev1.VolumeMount{MountPath: "/etc/g.toml", SubPath: "other.toml"}
	for _, c := range []struct {
		image, text string
		mount       corev1.VolumeMount
		words       string // empty if the gateway starts
	}{
		{"gateway:0.0.71", starts, directory, ""},
		{"gateway:0.0.71", starts, key, ""},
		{"gateway:0.0.71", starts, absent, "Is a directory (os error 21)"},
		{"gateway:0.1.0", starts2, key, ""},
		{"gateway:0.1.0", starts2, directory, "gateway config path '/etc/g.toml' is not a regular file (symlink)"},
		{"gateway:0.1.5", starts2, absent, "gateway config path '/etc/g.toml' is not a regular file (directory)"},
		{"gateway:0.1.5", starts, key, "gateway config schema version is required"},
		{"gateway:0.0.111", starts2, key, "expected a value from 0 to 1"},
		{"gateway:latest", starts, directory, ""},
		{"gateway:latest", starts2, key, ""},
		{"gateway:latest", starts2, directory, "(symlink)"},
		{"gateway:0.1.6", starts2, key, "release 0.1.6 of the gateway is not described"},
	} {
		k, pod, _ := withConfig(c.image, c.text, c.mount)
		step(t, k, pod, &memory{seen: time.Now()})
		state := pod.Status.ContainerStatuses[0].State
		switch {
		case c.words == "":
			if state.Running == nil {
				t.Errorf("%s with %+v: %+v", c.image, c.mount, state.Terminated)
			}
		case state.Terminated == nil || !strings.Contains(unwrapped(state.Terminated.Message), c.words):
			t.Errorf("%s with %+v: %+v, want %q", c.image, c.mount, state.Terminated, c.words)
		}
	}
}

// unwrapped returns a report without its frame and line breaks.
func unwrapped(report string) string {
	plain := strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "", "│", "", "×", "").Replace(report)
	return strings.Join(strings.Fields(plain), " ")
}

// TestSubPathStaysUntilTheContainerStartsAgain while the rest of a volume changes.
func TestSubPathStaysUntilTheContainerStartsAgain(t *testing.T) {
	loopback := strings.Replace(starts2, "0.0.0.0:8080", "127.0.0.1:8080", 1) // starts and does not become ready
	k, pod, config := withConfig("gateway:0.1.0", loopback, corev1.VolumeMount{MountPath: "/etc/g.toml", SubPath: "g.toml"})
	m := &memory{seen: time.Now()}
	check(t, k, pod, m, "running(ready=false)")
	config.Data["g.toml"] = starts2
	if err := k.client.Update(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	check(t, k, pod, m, "running(ready=false)")
	pod.Annotations = map[string]string{annotationFault: "liveness"}
	check(t, k, pod, m, "terminated(137 Error)", "CrashLoopBackOff")
	pod.Annotations = nil
	check(t, k, pod, m, "running(ready=true)")
}

func TestPreflightPods(t *testing.T) {
	key := corev1.VolumeMount{MountPath: "/etc/g.toml", SubPath: "g.toml"}
	for _, c := range []struct {
		image, text, args string
		policy            corev1.TerminationMessagePolicy
		state, message    string
	}{
		{"gateway:0.1.0", starts2, "--path /etc/g.toml", corev1.TerminationMessageFallbackToLogsOnError, "Succeeded terminated(0 Completed)", ""},
		{"gateway:0.1.0", starts, "--path /etc/g.toml", corev1.TerminationMessageFallbackToLogsOnError, "Failed terminated(1 Error)",
			"gateway config preflight failed: path='/etc/g.toml' category=missing_version detected_version=none; the file was preserved unchanged; "},
		{"gateway:0.1.5", starts, "-- --config $(FILE)", corev1.TerminationMessageReadFile, "Failed terminated(1 Error)", ""},
		{"gateway:0.1.5", starts2, "-- --config $(FILE)", corev1.TerminationMessageReadFile, "Succeeded", ""},
		{"gateway:0.0.111", starts, "--path /etc/g.toml", corev1.TerminationMessageReadFile, "Failed terminated(2 Error)", ""},
		{"gateway:0.1.5-crashes", starts2, "", corev1.TerminationMessageReadFile, "Failed terminated(1 Error)", crashesByTag},
		{"gateway:0.1.5-hangs", starts2, "", corev1.TerminationMessageReadFile, "Running running(ready=true)", ""},
	} {
		k, pod, _ := withConfig(c.image, c.text, key)
		pod.OwnerReferences, pod.Labels = nil, nil
		pod.Spec.RestartPolicy = corev1.RestartPolicyNever
		container := &pod.Spec.Containers[0]
		container.TerminationMessagePolicy = c.policy
		container.Args = append([]string{"config", "preflight"}, strings.Fields(c.args)...)
		container.Env = []corev1.EnvVar{{Name: "FILE", Value: "/etc/g.toml"}}
		k.recorder = events.NewFakeRecorder(10)
		check(t, k, pod, &memory{seen: time.Now()}, c.state)
		message := ""
		if end := pod.Status.ContainerStatuses[0].State.Terminated; end != nil {
			message = unwrapped(end.Message)
		}
		if !strings.Contains(message, c.message) || c.message == "" && message != "" {
			t.Errorf("%s: %q, want %q", c.image, message, c.message)
		}
	}
}
