package manifests

import "testing"

func TestReservedNamespaces(t *testing.T) {
	platform := Platform{}.In("gatewaytenant-system")
	for namespace, want := range map[string]bool{
		"kube-system": true, "kube-public": true, "openshift-monitoring": true, "gatewaytenant-system": true,
		"default": false, "kube": false, "kubeflow": false, "openshift": false, "my-kube-system": false, "gatewaytenant-system-2": false, "": false,
	} {
		if is := platform.Reserves(namespace); is != want || (platform.CheckNamespace(namespace) != nil) != want {
			t.Errorf("%q: reserved %v, want %v", namespace, is, want)
		}
	}
	if (Platform{}).Reserves("") {
		t.Error("without the operator's namespace, the empty one is reserved")
	}
}
