package gatewaytoml

import "regexp"

// Kept are values of gateway.toml that a gateway keeps for as long as its volume exists, even if the operator chooses
// others for a new gateway: existing sandboxes depend on them.
type Kept struct {
	// GatewayID is in the issuer and the audience of the tokens of sandboxes.
	GatewayID string
	// SideloadMethod is the way of the supervisor into a sandbox, or SideloadUnset if gateway.toml does not set it. Schema version 2
	// has none.
	SideloadMethod string
}

// Methods by which the supervisor gets into a sandbox.
const (
	// SideloadInitContainer works with every version of Kubernetes. The gateway's default, image-volume, needs 1.35.
	SideloadInitContainer = "init-container"
	sideloadImageVolume   = "image-volume"
	// SideloadUnset stands for a gateway.toml that does not set the method.
	SideloadUnset = "unset"
)

// DefaultGatewayID is the gateway_id of a gateway that issues tokens and whose gateway.toml does not set one.
const DefaultGatewayID = "openshell"

// gatewayIDPattern matches the values of labels: gateways from 0.0.107 on label sandboxes with their gateway_id.
var gatewayIDPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// NewKept returns the values for a new gateway.
func NewKept(namespace string) Kept {
	return Kept{GatewayID: namespace, SideloadMethod: SideloadInitContainer}
}

// IsGatewayID reports whether a text can be a gateway_id.
func IsGatewayID(text string) bool { return gatewayIDPattern.MatchString(text) }

// IsSideloadMethod reports whether a text can be a sideload method.
func IsSideloadMethod(text string) bool {
	return text == SideloadInitContainer || text == sideloadImageVolume || text == SideloadUnset
}

// ReadKept returns the values of a gateway in a namespace that was started with a text. They are not known if a gateway does not
// start with the text.
func ReadKept(text, namespace string) (kept Kept, known bool) {
	config, is := decodeEarlier(text)
	if !is {
		return kept, false
	}
	driver := tableAt(config, "openshell", "drivers", "kubernetes")
	unset := namespace // without an id, no token and no label of a sandbox has it
	method := textAt(driver, "supervisor_sideload_method", SideloadUnset)
	if tableAt(config, "openshell")["version"] == int64(2) {
		unset = DefaultGatewayID       // sandboxes always have a label with it
		method = SideloadInitContainer // that of a new gateway, since no sandbox depends on one
	}
	kept.GatewayID = textAt(driver, "gateway_id", unset)
	if tokens := tableAt(config, "openshell", "gateway", "gateway_jwt"); tokens != nil {
		kept.GatewayID = textAt(tokens, "gateway_id", DefaultGatewayID)
	}
	kept.SideloadMethod = method
	return kept, IsGatewayID(kept.GatewayID) && IsSideloadMethod(kept.SideloadMethod)
}

// ReadKeyPath returns the path of the key-encryption key in a gateway.toml that exists. It is empty if the text does not set the
// path, or cannot be read.
func ReadKeyPath(text string) string {
	config, _ := decodeEarlier(text)
	return textAt(tableAt(config, "openshell", "gateway", "credential_storage"), "key_encryption_key_path", "")
}

// setsGatewayID reports whether a tenant's text sets the gateway_id.
func setsGatewayID(given table) bool {
	_, ofTokens := tableAt(given, "openshell", "gateway", "gateway_jwt")["gateway_id"]
	_, ofDriver := tableAt(given, "openshell", "drivers", "kubernetes")["gateway_id"]
	return ofTokens || ofDriver
}

// setsKeyPath reports whether a tenant's text sets the path of the key-encryption key.
func setsKeyPath(given table) bool {
	_, sets := tableAt(given, "openshell", "gateway", "credential_storage")["key_encryption_key_path"]
	return sets
}

// sideloadMethod returns the method that a tenant's text sets, empty if it sets none.
func sideloadMethod(given table) string {
	return textAt(tableAt(given, "openshell", "drivers", "kubernetes"), "supervisor_sideload_method", "")
}
