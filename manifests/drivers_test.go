package manifests

import (
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestConfigRunsNoCommand: the gateway starts a credential driver that has a command.
func TestConfigRunsNoCommand(t *testing.T) {
	const selected = "openshell.gateway.credential_drivers = ['vault']\n"
	for config, key := range map[string]string{
		selected + "[openshell.credential_drivers.vault]\ntransport = 'uds'\nsocket_path = '/var/openshell/s'\ncommand = '/bin/sh'\nargs = ['-c', 'id']": "openshell.credential_drivers.vault.command",
		selected + "openshell.credential_drivers.vault.command = '/bin/sh'":                                                                              "openshell.credential_drivers.vault.command",
		selected + "openshell.credential_drivers = {vault = {args = []}}":                                                                                "openshell.credential_drivers.vault.args",
		"openshell.credential_drivers.other.command = '/bin/sh'":                                                                                         "openshell.credential_drivers.other.command",
		`openshell.credential_drivers.'a.b'."com\u006dand" = '/bin/sh'`:                                                                                  "openshell.credential_drivers.a.b.command",
		"openshell.credential_drivers.vault.process.command = ['/bin/sh']":                                                                               "openshell.credential_drivers.vault.process.command",
		"[[openshell.credential_drivers.vault.processes]]\nname = 'a'\ncommand = 'b'":                                                                    "openshell.credential_drivers.vault.processes[0].command",
		"openshell.credential_drivers.vault.a = [[1], [{b = {command = '/bin/true'}}]]":                                                                  "openshell.credential_drivers.vault.a[1][0].b.command",
	} {
		for _, version := range []string{"0.0.100", "0.0.111"} {
			spec := v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:" + version, Config: config}
			rejected(t, spec, v1alpha1.ReasonInvalidConfig, "spec.config", "line ", key, "would run that program", "socket_path")
		}
	}
	for _, config := range []string{"openshell.credential_drivers.vault.role = 'command'", "openshell.credential_drivers.command.role = 'a'"} {
		if _, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: "ghcr.io/nvidia/openshell/gateway:0.0.111", Config: config}); err != nil {
			t.Errorf("%s: %v", config, err)
		}
	}
}
