package apply

import (
	"strings"
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
		preview, err := NewComparer(clientgoscheme.Scheme, "us").Preview(desired, object(t, live))
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

// adoptedObject is a ConfigMap that "us" never applied.
const adoptedObject = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: ns
  labels: {theirs: "1"}
  managedFields:
    - {manager: them, operation: Update, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: {f:metadata: {f:labels: {f:theirs: {}}}, f:data: {f:ours: {}, f:theirs: {}}}}
data: {ours: "1", theirs: "1"}
`

// TestPreviewTakesOverAsApplyDoes: what an exclusive Comparer takes over, the apply removes.
// TestPreviewMatchesTheAPIServer compares it with what an API server does.
func TestPreviewTakesOverAsApplyDoes(t *testing.T) {
	desired := object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns}, data: {ours: "2"}}`)
	for want, options := range map[string][]ComparerOption{"data.ours": nil, "data.ours data.theirs": {Exclusive}} {
		preview, err := NewComparer(clientgoscheme.Scheme, "us", options...).Preview(desired, object(t, adoptedObject))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(preview.Fields, " "); got != want || preview.Object.GetLabels()["theirs"] != "1" {
			t.Errorf("the fields are %s, want %s; the labels are %v", got, want, preview.Object.GetLabels())
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
