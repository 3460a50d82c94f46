package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// live is a StatefulSet as an API server has it after "us" applied it, and somebody else scaled it and put a label on it.
const live = `
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: a
  namespace: ns
  labels: {ours: "1", theirs: "1"}
  managedFields:
    - manager: us
      operation: Apply
      apiVersion: apps/v1
      fieldsType: FieldsV1
      fieldsV1:
        f:metadata: {f:labels: {f:ours: {}, f:both: {}}}
        f:spec: {f:template: {f:spec: {f:hostNetwork: {}, f:containers: {'k:{"name":"gateway"}': {.: {}, f:name: {}, f:image: {}, f:workingDir: {}}}}}}
    - manager: them
      operation: Update
      apiVersion: apps/v1
      fieldsType: FieldsV1
      fieldsV1: {f:metadata: {f:labels: {f:theirs: {}, f:both: {}}}, f:spec: {f:replicas: {}}}
spec:
  replicas: 3
  template: {spec: {terminationGracePeriodSeconds: 30, containers: [{name: gateway, image: "x:1", workingDir: /tmp}]}}
`

func TestPreviewIsWhatApplyingWouldDo(t *testing.T) {
	const head = "{apiVersion: apps/v1, kind: StatefulSet, "
	for _, c := range []struct {
		what, desired string
		want          []string
	}{
		{"the same", head + `metadata: {name: a, namespace: ns, labels: {ours: "1"}}, spec: {template: {spec: {containers: [{name: gateway, image: "x:1", workingDir: /tmp}]}}}}`, nil},
		{"what says what no value says, as the server leaves it out", head + `metadata: {name: a, namespace: ns, labels: {ours: "1"}}, spec: {template: {spec: {hostNetwork: false, containers: [{name: gateway, image: "x:1", workingDir: /tmp}]}}}}`, nil},
		{"another image", head + `metadata: {name: a, namespace: ns, labels: {ours: "1"}}, spec: {template: {spec: {containers: [{name: gateway, image: "x:2", workingDir: /tmp}]}}}}`,
			[]string{`spec.template.spec.containers[name="gateway"].image`}},
		{"what is set no longer goes, and what others set stays", head + `metadata: {name: a, namespace: ns}, spec: {template: {spec: {containers: [{name: gateway, image: "x:1"}]}}}}`,
			[]string{"metadata.labels.ours", `spec.template.spec.containers[name="gateway"].workingDir`}},
		{"a container more", head + `metadata: {name: a, namespace: ns, labels: {ours: "1"}}, spec: {template: {spec: {containers: [{name: gateway, image: "x:1", workingDir: /tmp}, {name: other, image: "y:1"}]}}}}`,
			[]string{`spec.template.spec.containers[name="other"]`}},
	} {
		desired := object(t, c.desired)
		preview, err := PreviewOf(desired, object(t, live), "us", clientgoscheme.Scheme)
		if err != nil {
			t.Fatal(c.what, err)
		}
		if diff := cmp.Diff(c.want, preview.Fields); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.what, diff)
		}
		if replicas, _, _ := unstructured.NestedInt64(preview.Object.Object, "spec", "replicas"); replicas != 3 {
			t.Errorf("%s: replicas, which are another's, are %d", c.what, replicas)
		}
	}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), object); err != nil {
		t.Fatal(err)
	}
	return object
}
