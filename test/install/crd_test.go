package install

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCRDThatIsDeletedAndInstalledAgain: all GatewayTenants are deleted with it. Those of platform-config come back on their
// volumes, without a restart of the operator.
func TestCRDThatIsDeletedAndInstalledAgain(t *testing.T) {
	const tenant = "crd-again"
	way := ways[0]
	way.install(t, root+"/config")
	defer func() {
		kubectl(t, "delete", "configmap", "platform-config", "-n", namespace) // which otherwise would create the gateway again
		removeEverything(t, way, tenant)
	}()
	startOperator(t)
	kubectl(t, "create", "namespace", tenant)
	kubectl(t, "create", "configmap", "platform-config", "-n", namespace, "--from-literal=namespaces=- {name: "+tenant+", gateway: {serverDnsNames: []}}")
	appears(t, tenant)
	waitReady(t, tenant)
	claim := func() string {
		return kubectl(t, "get", "pvc", "openshell-data-openshell-gateway-0", "-n", tenant, "-o", "jsonpath={.metadata.uid}")
	}
	volume := claim()

	kubectl(t, "delete", "crd", "gatewaytenants.openshell.ambient-code.io", "--timeout=60s")
	cluster.Eventually(t, 60*time.Second, func() error {
		rows := kubectl(t, "get", "configmap", "platform-config-status", "-n", namespace, "-o", "jsonpath={.data.entries}")
		if !strings.Contains(rows, `"Failed"`) || !strings.Contains(rows, "does not serve GatewayTenants; install the CRD") {
			return fmt.Errorf("the report says %s", rows)
		}
		return nil
	})
	kubectl(t, "apply", "-k", filepath.Join(root, "config", "crd"))
	kubectl(t, "wait", "--for=condition=Established", "crd/gatewaytenants.openshell.ambient-code.io")
	appears(t, tenant)
	kubectl(t, "wait", "--for=condition=Ready", "gatewaytenant/openshell-gateway", "-n", tenant, "--timeout=120s")
	if is := claim(); is != volume {
		t.Errorf("the gateway has the volume claim %s, and had %s", is, volume)
	}
}

// appears waits until the bridge has created the GatewayTenant of a namespace.
func appears(t *testing.T, namespace string) {
	t.Helper()
	kubectl(t, "wait", "--for=create", "gatewaytenant/openshell-gateway", "-n", namespace, "--timeout=90s")
}
