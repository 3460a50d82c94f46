package install

import (
	"testing"
)

// TestSingleNamespace: a gateway is made by an operator that has its rights there only.
func TestSingleNamespace(t *testing.T) {
	kubectl(t, "create", "namespace", "tenant-a")
	kubectl(t, "apply", "-k", root+"/config/crd")
	kubectl(t, "apply", "-k", root+"/config/overlays/single-namespace")
	kubectl(t, "wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io")
	noticeCRD(t)
	startOperator(t)
	kubectl(t, "apply", "-n", "tenant-a", "-f", "testdata/gatewaytenant.yaml")
	waitReady(t, "tenant-a")
	for _, right := range [][]string{{"list", "pods"}, {"create", "statefulsets.apps/openshell-gateway"}, {"list", "gatewaytenants.openshell.ambient-code.io"}} {
		args := append([]string{"auth", "can-i", "--as=system:serviceaccount:" + namespace + ":" + name, "-n", "default"}, right...)
		if out, err := cluster.Kubectl(t.Context(), args...); err == nil {
			t.Errorf("in another namespace the operator may %v: %s", right, out)
		}
	}
	kubectl(t, "delete", "gatewaytenants", "--all", "--all-namespaces")
	kubectl(t, "wait", "--for=delete", "clusterrolebinding", "-l", "app.kubernetes.io/managed-by="+name, "--timeout=1m")
	stopOperator(t)
	kubectl(t, "delete", "-k", root+"/config/overlays/single-namespace")
	kubectl(t, "delete", "-k", root+"/config/crd")
	kubectl(t, "delete", "namespace", "tenant-a")
}
