package manifests

import (
	"maps"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// filesAndBindings returns the data of the ConfigMap and the names of the sandboxes' RoleBindings.
func filesAndBindings(objects Objects) (data map[string]string, bindings []string) {
	for _, object := range objects.Foundation {
		switch {
		case object.GetKind() == "ConfigMap":
			data, _, _ = unstructured.NestedStringMap(object.Object, "data")
		case object.GetKind() == "RoleBinding" && object.GetName() != CertgenName:
			bindings = append(bindings, object.GetName())
		}
	}
	return data, bindings
}

// TestEarlierFilesStay until a pod that mounts another one is ready, and so does what an earlier gateway may do.
func TestEarlierFilesStay(t *testing.T) {
	const schema1, schema2 = "0.0.111", "0.1.3"
	other, earlier := fileKeyPrefix+hash("old")+fileKeySuffix, hash("old")
	present := func(version string) string {
		data, _ := filesAndBindings(render(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version}, RenderInput{}))
		return slices.Collect(maps.Keys(data))[0]
	}
	own := present(schema2)
	for name, c := range map[string]struct {
		version  string
		volume   Volume
		keys     []string
		bindings []string
	}{
		"a new gateway of schema 1": {schema1, Volume{}, []string{ConfigKey}, []string{SandboxName}},
		"a new gateway of schema 2": {schema2, Volume{}, []string{own}, []string{SandboxV2Name}},
		"a gateway of schema 1": {schema1, Volume{Image: "i", FileKey: ConfigKey, FileKeys: []string{ConfigKey}, Files: map[string]string{ConfigKey: "old"}},
			[]string{ConfigKey}, []string{SandboxName}},
		"before the StatefulSet changes": {schema2, Volume{Image: "i", FileKey: ConfigKey, ConfigHash: earlier, Serves: true, FileKeys: []string{ConfigKey}, Files: map[string]string{ConfigKey: "old"}},
			[]string{own, ConfigKey}, []string{SandboxName, SandboxV2Name}},
		"before the new pod is ready": {schema2, Volume{Image: "i", FileKey: own, FileKeys: []string{own, ConfigKey}, Files: map[string]string{ConfigKey: "old", own: "x"}},
			[]string{own, ConfigKey}, []string{SandboxName, SandboxV2Name}},
		"the new pod is ready": {schema2, Volume{Image: "i", FileKey: own, Serves: true, FileKeys: []string{own, ConfigKey}, Files: map[string]string{ConfigKey: "old", own: "x"}},
			[]string{own}, []string{SandboxV2Name}},
		"another text of schema 2": {schema2, Volume{Image: "i", FileKey: other, Serves: true, FileKeys: []string{other}, Files: map[string]string{other: "old"}},
			[]string{other, own}, []string{SandboxV2Name}},
		"another client changed the text": {schema2, Volume{Image: "i", FileKey: ConfigKey, ConfigHash: earlier, Serves: true, FileKeys: []string{ConfigKey}, Files: map[string]string{ConfigKey: "rival"}},
			[]string{own}, []string{SandboxName, SandboxV2Name}},
		"no pod mounts the text yet": {schema2, Volume{Image: "i", FileKey: ConfigKey, ConfigHash: "older", Serves: true, FileKeys: []string{ConfigKey}, OwnFiles: []string{ConfigKey}, Files: map[string]string{ConfigKey: "old"}},
			[]string{own, ConfigKey}, []string{SandboxName, SandboxV2Name}},
		"the ConfigMap was lost": {schema2, Volume{Image: "i", FileKey: ConfigKey, Serves: true},
			[]string{own}, []string{SandboxName, SandboxV2Name}},
		"back to schema 1": {schema1, Volume{Image: "i", FileKey: other, FileKeys: []string{other}, Files: map[string]string{other: "old"}},
			[]string{other, ConfigKey}, []string{SandboxName, SandboxV2Name}},
	} {
		t.Run(name, func(t *testing.T) {
			c.volume.Claim = &corev1.PersistentVolumeClaim{}
			data, bindings := filesAndBindings(render(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + c.version}, RenderInput{Volume: c.volume}))
			if keys := slices.Sorted(maps.Keys(data)); !slices.Equal(keys, slices.Sorted(slices.Values(c.keys))) {
				t.Errorf("the keys are %q, want %q", keys, c.keys)
			}
			if !slices.Equal(bindings, c.bindings) {
				t.Errorf("the bindings are %q, want %q", bindings, c.bindings)
			}
			for key, text := range data {
				if key != present(c.version) && text != "old" {
					t.Errorf("the text of %s changes to %q", key, text)
				}
			}
		})
	}
}
