package install

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestInstallUpgradeRemove: gateways outlive the operator, and nothing outlives the removal of everything.
func TestInstallUpgradeRemove(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) { wholeLife(t, way) })
	}
}

// wholeLife is one way from an empty cluster to an empty cluster.
func wholeLife(t *testing.T, way way) {
	before := everything(t)
	stay, leave := "stay-"+way.name, "leave-"+way.name
	way.install(t, previous(t))
	kubectl(t, "wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io")
	noticeCRD(t)
	startOperator(t)
	makeTenant(t, stay)
	makeTenant(t, leave)
	waitReady(t, stay, leave)

	upgrade(t, way, stay, leave)
	removeOperator(t, way, stay, leave)

	pod := podOf(t, stay)
	way.install(t, root+"/config") // it can come back, and finds its tenants
	startOperator(t)
	waitReady(t, stay)
	serves(t, stay, pod)

	removeEverything(t, way, stay)
	cluster.Eventually(t, 30*time.Second, func() error {
		if left := added(before, everything(t)); len(left) > 0 {
			return fmt.Errorf("everything was removed, and there are still %v", left)
		}
		return nil
	})
}

// upgrade installs another version, whose operator goes on with the gateways that there are.
func upgrade(t *testing.T, way way, asked, other string) {
	t.Helper()
	askedPod, otherPod := podOf(t, asked), podOf(t, other)
	way.upgrade(t)
	if is := kubectl(t, "get", "deployment", name, "-n", namespace, "-o", "jsonpath={.spec.template.spec.containers[0].image}"); is != image {
		t.Errorf("after the upgrade the image is %s", is)
	}
	startOperator(t)
	kubectl(t, "annotate", "gatewaytenant", v1alpha1.Name, "-n", asked, v1alpha1.AnnotationRotateTokens+"=after-the-upgrade")
	cluster.Eventually(t, 30*time.Second, func() error { return rotated(t, asked) })
	waitReady(t, asked, other)
	if podOf(t, asked) == askedPod {
		t.Errorf("the token keys of %s were rotated, and its pod is still the same", asked)
	}
	if podOf(t, other) != otherPod {
		t.Errorf("the upgrade restarted the gateway of %s", other)
	}
}

// removeOperator leaves the gateways, and a namespace can still be deleted.
func removeOperator(t *testing.T, way way, stay, leave string) {
	t.Helper()
	pod := podOf(t, stay)
	stopOperator(t)
	way.removeOperator(t)
	if left := operatorsOf(everything(t)); len(left) > 0 {
		t.Errorf("the operator was removed, and there are still %v", left)
	}
	serves(t, stay, pod)
	kubectl(t, "delete", "namespace", leave, "--timeout=60s")
	cluster.Eventually(t, 30*time.Second, func() error { return nothingOf(t, leave) })
}

// removeEverything does so in the order of docs/install.md: the gateways while the operator is there, then the rest.
func removeEverything(t *testing.T, way way, tenant string) {
	t.Helper()
	kubectl(t, "delete", "gatewaytenants", "--all", "--all-namespaces")
	kubectl(t, "wait", "--for=delete", "clusterrolebinding", "-l", "app.kubernetes.io/managed-by="+name, "--timeout=1m")
	cluster.Eventually(t, 40*time.Second, func() error { return nothingOf(t, tenant) })
	stopOperator(t)
	way.removeOperator(t)
	way.removeRest(t)
	kubectl(t, "delete", "namespace", tenant, "--timeout=60s") // with the volume claim, which stayed
}

// makeTenant makes a namespace and a gateway in it.
func makeTenant(t *testing.T, namespace string) {
	t.Helper()
	kubectl(t, "create", "namespace", namespace)
	kubectl(t, "apply", "-n", namespace, "-f", "testdata/gatewaytenant.yaml")
}

func waitReady(t *testing.T, namespaces ...string) {
	t.Helper()
	for _, namespace := range namespaces {
		kubectl(t, "wait", "--for=condition=Ready", "gatewaytenant/openshell-gateway", "-n", namespace, "--timeout=60s")
	}
}

func podOf(t *testing.T, namespace string) (uid string) {
	t.Helper()
	return kubectl(t, "get", "pod", "openshell-gateway-0", "-n", namespace, "-o", "jsonpath={.metadata.uid}")
}

// rotated tells whether the operator has done what was asked for.
func rotated(t *testing.T, namespace string) error {
	status := kubectl(t, "get", "gatewaytenant", "openshell-gateway", "-n", namespace, "-o", "jsonpath={.status}")
	if !strings.Contains(status, "after-the-upgrade") {
		return fmt.Errorf("the status does not tell of the rotation: %s", status)
	}
	return nil
}

// serves checks that a gateway is as it was, with its rights.
func serves(t *testing.T, namespace, pod string) {
	t.Helper()
	if is := podOf(t, namespace); is != pod {
		t.Errorf("the gateway's pod in %s was replaced", namespace)
	}
	waitReady(t, namespace)
	gateway := "--as=system:serviceaccount:" + namespace + ":openshell-gateway"
	for _, right := range [][]string{
		{"create", "tokenreviews.authentication.k8s.io"},
		{"get", "nodes"},
		{"create", "sandboxes.agents.x-k8s.io", "-n", namespace},
	} {
		if out, err := cluster.Kubectl(t.Context(), append([]string{"auth", "can-i", gateway}, right...)...); err != nil {
			t.Errorf("the gateway of %s may no longer %v: %s", namespace, right, out)
		}
	}
}

// operatorsOf are those of the objects that are the operator's own.
func operatorsOf(all []string) (found []string) {
	for _, object := range all {
		if strings.Contains(object, "/"+name) || strings.Contains(object, "/gatewaytenant-certgen-") || strings.HasPrefix(object, "ValidatingAdmissionPolic") {
			found = append(found, object)
		}
	}
	return found
}

// nothingOf checks that nothing is left of a gateway but its volume.
func nothingOf(t *testing.T, namespace string) error {
	for _, object := range everything(t) {
		if strings.HasPrefix(object, "PersistentVolumeClaim:") {
			continue
		}
		if strings.Contains(object, ":"+namespace+"/openshell") || strings.HasSuffix(object, "node-reader:"+namespace) {
			return fmt.Errorf("there is still %s", object)
		}
	}
	return nil
}
