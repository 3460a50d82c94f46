package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

var storageTable = table(map[string]schema{"key_encryption_key_path": text(), "key_encryption_key_env": text(environmentName)}).from(firstEncrypting)

var environmentPattern = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func environmentName(s string) error {
	if !environmentPattern.MatchString(s) {
		return errors.New("key_encryption_key_env is not the name of a variable")
	}
	return nil
}

// credentials refuses settings of credential storage and credential drivers that contradict each other.
func (c *Config) credentials(r Release) error {
	if !r.Encrypts() {
		return nil
	}
	g := c.OpenShell.Gateway
	if drivers := g.CredentialDrivers; drivers != nil && len(*drivers) == 0 {
		return errors.New("credential_drivers is empty")
	}
	if g.CredentialDrivers != nil {
		return c.credentialDriver(r, slices.Compact(slices.Sorted(slices.Values(*g.CredentialDrivers))))
	}
	if name := g.DefaultCredentialDriver; name != nil && *name != "" {
		return fmt.Errorf("configuration error: the default driver '%s' is not among the credential drivers", *name)
	}
	const prefix = "configuration error: invalid [openshell.gateway.credential_storage]: "
	if err := storageTable.accepts(r, asTable(g.CredentialStorage)); err != nil {
		return fmt.Errorf(prefix+"%w", err)
	}
	key, isPath := g.CredentialStorage["key_encryption_key_path"].(string)
	_, isEnv := g.CredentialStorage["key_encryption_key_env"]
	switch {
	case isPath && isEnv:
		return errors.New(prefix + "both sources of a key-encryption key are set")
	case isPath && !path.IsAbs(key):
		return errors.New(prefix + "key_encryption_key_path is not an absolute path")
	}
	return nil
}

func asTable(table map[string]any) map[string]any {
	if table == nil {
		return map[string]any{}
	}
	return table
}

var driverTables = map[string]schema{
	"kubernetes-secrets": table(map[string]schema{
		"namespace": text(), "allow_reference_namespace": boolean(),
		"workspace_mode": oneOf("shared", "managed", "operator").from(107), "gateway_id": text().from(107),
	}),
	"vault": table(map[string]schema{
		"address": text(vaultAddress).must(), "mount": text(notEmpty), "kv_version": oneOf("1", "2"), "auth_method": oneOf("kubernetes", "token_file"),
		"role": text(notEmpty), "kubernetes_auth_mount": text(notEmpty), "service_account_token_path": text(), "token_path": text(),
		"timeout_secs": unsigned(),
	}),
}

var transportKeys = []string{"transport", "socket_path", "command", "args", "startup_timeout_secs"}

func vaultAddress(s string) error {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the address of vault is not a plain http or https URL")
	}
	return nil
}

// credentialDriver checks the selected external credential driver.
func (c *Config) credentialDriver(r Release, names []string) error {
	if len(names) != 1 {
		return fmt.Errorf("configuration error: one credential driver can be enabled, not %s", strings.Join(names, ", "))
	}
	name := names[0]
	if d := c.OpenShell.Gateway.DefaultCredentialDriver; d != nil && *d != "" && *d != name {
		return fmt.Errorf("configuration error: the default driver '%s' is not among the credential drivers", *d)
	}
	prefix := "configuration error: [openshell.credential_drivers." + name + "] "
	value, configured := c.OpenShell.CredentialDrivers[name]
	given, ok := value.(map[string]any)
	tables := driverTables
	if r.ReadsSchema2() {
		tables = driverTables2
	}
	builtin, isBuiltin := tables[name]
	switch {
	case configured && !ok:
		return errors.New(prefix + "is not a table")
	case given["transport"] == "uds":
		if socket, ok := given["socket_path"].(string); !ok || !path.IsAbs(socket) {
			return errors.New(prefix + "the driver's socket_path is not an absolute path")
		}
		return nil
	case !isBuiltin:
		return fmt.Errorf("configuration error: the gateway has no credential driver '%s'", name)
	}
	backend := map[string]any{}
	for key, value := range given {
		if !slices.Contains(transportKeys, key) {
			backend[key] = value
		}
	}
	if err := builtin.accepts(r, backend); err != nil {
		return fmt.Errorf(prefix+"%w", err)
	}
	if name == "vault" {
		return vaultMethod(backend)
	}
	return nil
}

// vaultMethod checks that a method of authentication has its own keys.
func vaultMethod(vault map[string]any) error {
	_, role := vault["role"]
	_, token := vault["token_path"]
	if vault["auth_method"] == "token_file" && (role || !token) || vault["auth_method"] != "token_file" && (!role || token) {
		return errors.New("configuration error: vault has a key of another auth_method")
	}
	return nil
}
