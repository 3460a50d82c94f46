package manifests

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestSecretFilesAreForTheGatewayAlone: without a mode they could be read by every user of the node that sees the volume. The
// group that may read them is the pod's fsGroup, which is set or assigned by the cluster.
func TestSecretFilesAreForTheGatewayAlone(t *testing.T) {
	for _, platform := range []Platform{testPlatform(t), testPlatform(t).AssigningIDs()} {
		objects := renderOn(t, platform, v1alpha1.GatewayTenantSpec{}, clusterInput)
		volumes, _, _ := unstructured.NestedSlice(objects.Gateway.Object, "spec", "template", "spec", "volumes")
		modes := map[string]any{}
		for _, volume := range volumes {
			volume := volume.(map[string]any)
			if secret, is := volume["secret"].(map[string]any); is {
				modes[volume["name"].(string)] = secret["defaultMode"]
			}
		}
		if len(modes) != 3 {
			t.Errorf("the Secret volumes are %v, want three", modes)
		}
		for name, mode := range modes {
			if mode != int64(0o440) {
				t.Errorf("the mode of volume %s is %v, want 0440", name, mode)
			}
		}
	}
}
