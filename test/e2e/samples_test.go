package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
)

const samples = "../../config/samples"

// TestSamplesBecomeReady applies each file of config/samples, whichever there are, with the namespaces that it names.
func TestSamplesBecomeReady(t *testing.T) {
	fileOf := map[string]string{} // by namespace
	for _, file := range sampleFiles(t) {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join(samples, file)
			namespaces := namespacesOf(t, path)
			t.Cleanup(func() { // after the namespaces are deleted, so that nothing is left without a list
				if t.Failed() {
					report, _ := cluster.Kubectl(context.Background(), "get", "configmap", "platform-config-status", "-n", platformNamespace, "-o", "jsonpath={.data}")
					t.Log("entries of platform-config: ", report)
				}
				_, _ = cluster.Kubectl(context.Background(), "delete", "-f", path, "--ignore-not-found", "--wait=false")
			})
			for _, namespace := range namespaces {
				if other := fileOf[namespace]; other != "" {
					t.Fatalf("%s has a GatewayTenant in %s, too, and both cannot be applied", other, namespace)
				}
				fileOf[namespace] = file
				cluster.CreateNamespace(t, namespace)
			}
			if _, err := cluster.Kubectl(t.Context(), "apply", "-f", path); err != nil {
				t.Fatal(err)
			}
			for _, namespace := range namespaces {
				tenant := waitReady(t, namespace)
				if warning := warningOf(tenant); warning != "" {
					t.Errorf("%s: %s", namespace, warning)
				}
			}
		})
	}
}

// TestSamplesAreListed: kubectl apply -k config/samples forgets none.
func TestSamplesAreListed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(samples, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var listed struct{ Resources []string }
	if err := yaml.Unmarshal(text, &listed); err != nil {
		t.Fatal(err)
	}
	slices.Sort(listed.Resources)
	if diff := cmp.Diff(sampleFiles(t), listed.Resources); diff != "" {
		t.Errorf("the files of config/samples, and those that its kustomization.yaml lists:\n%s", diff)
	}
}

// sampleFiles are the names of all samples.
func sampleFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(samples)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, entry := range entries {
		if entry.Name() != "kustomization.yaml" {
			files = append(files, entry.Name())
		}
	}
	if len(files) == 0 {
		t.Fatal("there is no sample")
	}
	return files
}

// namespacesOf are the namespaces in which a sample asks for a gateway.
func namespacesOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var namespaces []string
	for decoder := yamlutil.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		var object unstructured.Unstructured
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch object.GetKind() {
		case "GatewayTenant":
			namespaces = append(namespaces, object.GetNamespace())
		case "ConfigMap":
			list, _, _ := unstructured.NestedString(object.Object, "data", entries.Key)
			var entries []struct{ Name string }
			if err := yaml.Unmarshal([]byte(list), &entries); err != nil {
				t.Fatal(err)
			}
			for _, entry := range entries {
				namespaces = append(namespaces, entry.Name)
			}
		}
	}
	if len(namespaces) == 0 {
		t.Fatal("it asks for no gateway")
	}
	return namespaces
}
