package gatewaytoml

import (
	"fmt"
	"slices"
	"strings"
	"testing"
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
			in := input(version, config)
			rejected(t, in, "spec.config", "line ", key, "would run that program", "socket_path")
		}
	}
	for _, config := range []string{"openshell.credential_drivers.vault.role = 'command'", "openshell.credential_drivers.command.role = 'a'"} {
		if _, err := New(input("0.0.111", config)); err != nil {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// TestConfigSendsNoFileOfTheContainer: the driver vault presents the content of a file as its token.
func TestConfigSendsNoFileOfTheContainer(t *testing.T) {
	const vault = "openshell.gateway.credential_drivers = ['vault']\n[openshell.credential_drivers.vault]\naddress = 'https://vault.example.com'\n"
	const byRole, byToken = "role = 'a'\n", "auth_method = 'token_file'\n"
	for lines, accepted := range map[string]bool{
		byToken + "token_path = '/etc/openshell-jwt/signing.pem'":                                     false,
		byToken + "token_path = '/var/openshell/../../etc/openshell-jwt/signing.pem'":                 false,
		byToken + "token_path = '/var/openshell'":                                                     false,
		byToken + "token_path = '/var/openshell/vault/token'":                                         true,
		byRole + "service_account_token_path = '/etc/openshell-tls/server/tls.key'":                   false,
		byRole + "service_account_token_path = '/var/run/secrets/kubernetes.io/serviceaccount/../x'":  false,
		byRole + "service_account_token_path = '/var/run/secrets/kubernetes.io/serviceaccount/token'": true,
		byRole + "auth = {token_path = '/proc/self/environ'}":                                         false,
	} {
		in := input("0.0.111", vault+lines)
		if !accepted {
			rejected(t, in, "spec.config", "line 5", "_path must be below /var/openshell")
			continue
		}
		if _, err := New(in); err != nil {
			t.Errorf("%s: %v", lines, err)
		}
	}
}

// TestTablesOfUnusedDriversAreLeftOut: no gateway reads them, and v0.0.71 does not start with some.
func TestTablesOfUnusedDriversAreLeftOut(t *testing.T) {
	with := func(config string) Input { return input("0.0.111", config) }
	const vault = "[openshell.credential_drivers.vault]\naddress = 'https://vault.example.com'\nrole = 'a'\n"
	for config, want := range map[string][]string{
		"": nil,
		"[openshell.drivers.kubernetes]\ndefault_image = 'a'\n":    nil,
		"[openshell.drivers.vm]\nx = 1\n":                          {"openshell.drivers.vm"},
		"openshell.drivers = {docker = {}, podman = 1, a.b.c = 2}": {"openshell.drivers.a", "openshell.drivers.docker", "openshell.drivers.podman"},
		"[openshell.drivers.\"a b\\u001b[31m\"]\n":                 {`openshell.drivers."a b\x1b[31m"`},
		vault: {"openshell.credential_drivers.vault"},
		"openshell.gateway.credential_drivers = ['vault']\n" + vault:                                       nil,
		"openshell.gateway.credential_drivers = ['vault']\nopenshell.credential_drivers.x.y = 1\n" + vault: {"openshell.credential_drivers.x"},
		"openshell.gateway.credential_drivers = [' vault ']\n" + vault + "[openshell.drivers.docker]":      {"openshell.drivers.docker"},
	} {
		file, err := New(with(config))
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		if !slices.Equal(file.UnusedTables, want) {
			t.Errorf("%s: left out are %q, want %q", config, file.UnusedTables, want)
		}
		written := string(file.text)
		for _, name := range []string{"drivers.vm", "docker", "podman", "drivers.a", "x1b", "credential_drivers.x"} {
			if strings.Contains(written, name) {
				t.Errorf("%s: %s is rendered:\n%s", config, name, written)
			}
		}
		if used := strings.Contains(config, "credential_drivers = ["); used != strings.Contains(written, "vault.example.com") {
			t.Errorf("%s: the table of vault is rendered: %t, want %t:\n%s", config, !used, used, written)
		}
	}
	plain := at(t, with(""), "openshell")
	if left := at(t, with(vault+"[openshell.drivers.docker]"), "openshell"); fmt.Sprint(left) != fmt.Sprint(plain) {
		t.Errorf("with tables that are left out, %v is rendered, and %v without them", left, plain)
	}
	if name := printableKey(strings.Repeat("ä", 100)); len(name) > 140 {
		t.Errorf("a long name is shown as %s", name)
	}
}
