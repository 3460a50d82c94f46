package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const (
	root      = "../.."
	namespace = "gatewaytenant-system"
	name      = "gatewaytenant-operator"
)

// TestChartIsTheKustomization: with its default values, the chart is what kustomize makes of the same directory.
func TestChartIsTheKustomization(t *testing.T) {
	var want []byte
	for _, kustomization := range []string{"crd", "default", "prometheus"} {
		want = append(want, bin(t, "kubectl", "kustomize", filepath.Join(root, "config", kustomization))+"\n---\n"...)
	}
	if diff := cmp.Diff(objects(t, want), objects(t, rendered(t, namespace, "--set", "monitoring.enabled=true"))); diff != "" {
		t.Errorf("the chart differs from the kustomizations (make chart writes it):\n%s", diff)
	}
}

// TestChartWithValuesIsTheKustomizationWithEdits: what a value changes, it changes wherever it has to be changed.
func TestChartWithValuesIsTheKustomizationWithEdits(t *testing.T) {
	const other, digest = "other-system", "registry.example.com/a/b@sha256:0123456789012345678901234567890123456789012345678901234567890123"
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "config"))); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"crd/namespace.yaml", "default/kustomization.yaml", "prometheus/kustomization.yaml"} {
		edit(t, filepath.Join(dir, file), namespace, other)
	}
	edit(t, filepath.Join(dir, "default", "kustomization.yaml"), "newName: gatewaytenant-operator", "newName: registry.example.com/a/b")
	edit(t, filepath.Join(dir, "default", "kustomization.yaml"), "newTag: latest", "digest: "+strings.SplitN(digest, "@", 2)[1])
	edit(t, filepath.Join(dir, "manager", "deployment.yaml"), "[--leader-elect]", `[--leader-elect, --rollout-percent=20, "--watch-namespaces=a,b"]`)
	edit(t, filepath.Join(dir, "manager", "deployment.yaml"), "replicas: 2", "replicas: 1")
	edit(t, filepath.Join(dir, "policy", "platform.yaml"), `telemetry: ""`, "telemetry: Disabled")
	edit(t, filepath.Join(dir, "policy", "platform.yaml"), `sandboxAppArmorProfile: ""`, "sandboxAppArmorProfile: Unconfined")
	edit(t, filepath.Join(dir, "manager", "deployment.yaml"), "      enableServiceLinks: false", `      enableServiceLinks: false
      nodeSelector: {node-role.kubernetes.io/control-plane: ""}
      imagePullSecrets: [{name: a}, {name: b}]
      tolerations:
        - {key: a, operator: Exists}`)
	var want []byte
	for _, kustomization := range []string{"crd", "default", "prometheus"} {
		want = append(want, bin(t, "kubectl", "kustomize", filepath.Join(dir, kustomization))+"\n---\n"...)
	}
	got := rendered(t, other, "--set", "monitoring.enabled=true", "--set", "image="+digest, "--set", "replicas=1",
		"--set", "platform.telemetry=Disabled", "--set", "platform.sandboxAppArmorProfile=Unconfined",
		"--set", "flags.rollout-percent=20", "--set", "flags.leaf-lifetime=null", "--set", `flags.watch-namespaces=a\,b`,
		"--set", "pod.imagePullSecrets[0].name=a", "--set", "pod.imagePullSecrets[1].name=b",
		"--set-json", `pod.nodeSelector={"node-role.kubernetes.io/control-plane": ""}`, "--set-json", `pod.tolerations=[{"key": "a", "operator": "Exists"}]`)
	if diff := cmp.Diff(objects(t, want), objects(t, got)); diff != "" {
		t.Errorf("the chart differs from the kustomizations:\n%s", diff)
	}
}

func TestChartRefusesWhatThereIsNot(t *testing.T) {
	for value, complaint := range map[string]string{
		"flags.rolout-percent=20": "rolout-percent",
		"flags.concurrency=many":  "concurrency",
		"image=":                  "image",
		"repicas=3":               "repicas",
		"pod.hostNetwork=true":    "hostNetwork",
		"platform.telemetry=off":  "telemetry",
		"platform.telemtry=":      "telemtry",

		"platform.sandboxAppArmorProfile=RuntimeDefault": "sandboxAppArmorProfile",
	} {
		out, err := exec.CommandContext(t.Context(), root+"/bin/helm", "template", name, root+"/config/chart", "--set", value).CombinedOutput()
		if err == nil || !strings.Contains(string(out), complaint) {
			t.Errorf("--set %s: %v: %s", value, err, out)
		}
	}
}

// TestNamespaceOfDigitsIsText: without quotes YAML would take it for a number.
func TestNamespaceOfDigitsIsText(t *testing.T) {
	if _, there := objects(t, rendered(t, "1234"))["Deployment 1234/"+name]; !there {
		t.Error("there is no Deployment in the namespace 1234")
	}
}

// bin runs a program of bin/, which make devcluster and make bin/helm build, and returns what it prints.
func bin(t *testing.T, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), root+"/bin/"+program, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %s: %v: %s (make devcluster bin/helm builds what is missing)", program, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

func rendered(t *testing.T, namespace string, args ...string) []byte {
	t.Helper()
	return []byte(bin(t, "helm", append([]string{"template", name, filepath.Join(root, "config", "chart"), "-n", namespace}, args...)...))
}

// objects reads manifests, by kind and name. The namespace itself is no part of the chart, and that something is to be
// kept is not said by kustomize.
func objects(t *testing.T, manifests []byte) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if object.GetKind() == "Namespace" || object.Object == nil {
			continue
		}
		annotations := object.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		if object.SetAnnotations(annotations); len(annotations) == 0 {
			unstructured.RemoveNestedField(object.Object, "metadata", "annotations")
		}
		all[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = object.Object
	}
}

// edit replaces text in a file, where it has to be.
func edit(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("%s does not have %q", file, from)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), from, to)), 0o644); err != nil {
		t.Fatal(err)
	}
}
