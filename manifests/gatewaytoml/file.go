package gatewaytoml

import (
	"cmp"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// File is a valid gateway.toml.
type File struct {
	// UnusedTables are the tables of the tenant's text that are left out because they configure drivers that the gateway does not
	// run, sorted, as they can be shown to users.
	UnusedTables []string
	// OpenDefault reports whether the gateway treats every client that has the client certificate and sends no token as an
	// administrator. Without OIDC, gateways from 0.1.3 on always do.
	OpenDefault bool
	// DefaultKeyPath reports whether the gateway needs a key-encryption key and the tenant's text leaves its path to the operator.
	DefaultKeyPath bool
	// SetsGatewayID reports whether the tenant's text sets the gateway_id. It can only be that of a new gateway.
	SetsGatewayID bool

	text            []byte // of a new gateway
	kept            Kept   // the values in text
	sideloadMethod  string // that the tenant's text sets, empty if it sets none
	appArmorProfile string // the default profile
	audiences       []string
}

// Text returns gateway.toml with the key-encryption key at a path, unless the tenant's text sets its own, and with the
// values that the gateway keeps.
func (f File) Text(keyPath string, kept Kept) ([]byte, error) {
	keepsPath := !f.DefaultKeyPath || keyPath == SubdirKeyPath
	kept.SideloadMethod = cmp.Or(f.sideloadMethod, kept.SideloadMethod)
	if keepsPath && kept == f.kept {
		return f.text, nil
	}
	config := table{}
	if err := toml.Unmarshal(f.text, &config); err != nil {
		return nil, err
	}
	gateway, driver := tableAt(config, "openshell", "gateway"), tableAt(config, "openshell", "drivers", "kubernetes")
	if !keepsPath {
		tableAt(gateway, "credential_storage")["key_encryption_key_path"] = keyPath
	}
	for _, with := range []table{tableAt(gateway, "gateway_jwt"), driver} {
		if _, set := with["gateway_id"]; set {
			with["gateway_id"] = kept.GatewayID
		}
	}
	if _, set := driver["supervisor_sideload_method"]; set {
		driver["supervisor_sideload_method"] = kept.SideloadMethod
	}
	if kept.SideloadMethod == SideloadUnset {
		delete(driver, "supervisor_sideload_method")
	}
	return toml.Marshal(config)
}

// Renderings returns what the operator may have rendered for a path and values: the result of Text, and that of before the
// platform set an AppArmor profile.
func (f File) Renderings(keyPath string, kept Kept) ([][]byte, error) {
	text, err := f.Text(keyPath, kept)
	if err != nil || f.appArmorProfile == "" {
		return [][]byte{text}, err
	}
	config := table{}
	if err := toml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	delete(tableAt(config, "openshell", "drivers", "kubernetes"), "app_armor_profile")
	earlier, err := toml.Marshal(config)
	return [][]byte{text, earlier}, err
}

// OwnAudience returns the audience of an interceptor or middleware that is also the gateway's own if it has a gateway_id, empty
// if there is none. A gateway does not start with one.
func (f File) OwnAudience(gatewayID string) string {
	if own := "openshell-gateway:" + gatewayID; slices.Contains(f.audiences, own) {
		return own
	}
	return ""
}
