package manifests

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// keptValues are values of gateway.toml that a gateway keeps for as long as its volume exists, even if the operator chooses
// others for a new gateway: existing sandboxes depend on them. The volume claim records them.
type keptValues struct {
	// gatewayID is in the issuer and the audience of the tokens of sandboxes.
	gatewayID string
	// sideloadMethod says how the supervisor gets into a sandbox, sideloadUnset if gateway.toml does not say it.
	sideloadMethod string
}

const (
	// sideloadInitContainer works with every version of Kubernetes. The gateway's default, sideloadImageVolume, needs 1.35.
	sideloadInitContainer = "init-container"
	sideloadImageVolume   = "image-volume"
	sideloadUnset         = "unset"
)

// firstWithoutSideload is the first version whose gateways do not know the keys supervisor_sideload_method and
// app_armor_profile.
var firstWithoutSideload = release.New(0, 1, 0)

// defaultGatewayID is the gateway_id of a gateway that issues tokens and whose gateway.toml does not set one.
const defaultGatewayID = "openshell"

// gatewayIDPattern matches the values of labels: gateways from 0.0.107 on label sandboxes with their gateway_id.
var gatewayIDPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// newValues returns the values for a new gateway.
func (t Tenant) newValues() keptValues {
	return keptValues{gatewayID: t.Namespace, sideloadMethod: sideloadInitContainer}
}

// EarlierConfigHeldBy rejects a gateway whose gateway_id or sideload method is not known, and a spec.config that contradicts
// the gateway_id. The error is a [*RejectedError].
func (t Tenant) EarlierConfigHeldBy(volume Volume) error {
	values, unknown := t.keptValues(volume)
	if unknown == "" {
		if t.setsGatewayID && values.gatewayID != t.Namespace {
			return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "sets gateway_id to %q, but the gateway must keep %q, which is in the tokens of its sandboxes; remove gateway_id from spec.config", t.Namespace, values.gatewayID)
		}
		if own := "openshell-gateway:" + values.gatewayID; slices.Contains(t.audiences, own) {
			return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "gives an interceptor or middleware the audience %q, which is the gateway's own, and the gateway would not start; change the audience", own)
		}
		return nil
	}
	return reject(v1alpha1.ReasonEarlierConfigUnknown, "spec", "", "is held: the operator does not know the gateway_id and the supervisor_sideload_method of the existing gateway, on which its sandboxes depend: %s; "+
		"if the gateway has no sandboxes, run: kubectl annotate --overwrite pvc %s -n %s %s=%s %s=%s; otherwise, run the same command with the values of the gateway.toml that the gateway was started with (gateway_id is %[8]s and the method is %[9]s where it does not set them)",
		unknown, ClaimName, t.Namespace, annotationGatewayID, t.Namespace, annotationSideloadMethod, sideloadInitContainer, defaultGatewayID, sideloadUnset)
}

// keptValues returns the values that the gateway on a volume keeps: those that the claim records or, without a record, those
// of the gateway.toml that exists. If a value is not known, it is that of a new gateway, and unknown says why.
func (t Tenant) keptValues(volume Volume) (values keptValues, unknown string) {
	values = t.newValues()
	if volume.Claim == nil {
		return values, ""
	}
	if NeedsEarlierConfig(volume) {
		earlier, known := t.earlierValues(volume)
		if known {
			values = earlier
		} else {
			unknown = fmt.Sprintf("the claim %s does not record them, and the ConfigMap %s, which may have them, is missing or cannot be used", ClaimName, ConfigName)
		}
	}
	impossible := func(annotation, value string) string {
		return fmt.Sprintf("annotation %s of claim %s is %q, which is not a possible value", annotation, ClaimName, message.Truncate(value))
	}
	if id, recorded := volume.Claim.Annotations[annotationGatewayID]; recorded {
		if values.gatewayID = id; !gatewayIDPattern.MatchString(id) {
			values.gatewayID, unknown = t.Namespace, impossible(annotationGatewayID, id)
		}
	}
	if method, recorded := volume.Claim.Annotations[annotationSideloadMethod]; recorded {
		if values.sideloadMethod = method; !isSideloadMethod(method) {
			values.sideloadMethod, unknown = sideloadInitContainer, impossible(annotationSideloadMethod, method)
		}
	}
	return values, unknown
}

// NeedsEarlierConfig reports whether the text of the gateway.toml that exists decides about a gateway: its volume exists, and
// the claim does not record all that the gateway keeps.
func NeedsEarlierConfig(volume Volume) bool {
	if volume.Claim == nil {
		return false
	}
	_, hasID := volume.Claim.Annotations[annotationGatewayID]
	_, hasMethod := volume.Claim.Annotations[annotationSideloadMethod]
	return !hasID || !hasMethod
}

// earlierValues returns the values of the gateway that exists. If neither a gateway nor its token keys exist, no token can be
// used any more, and the values are those of a new gateway. If there is no gateway.toml, its hash in the
// StatefulSet identifies it if the operator rendered it.
func (t Tenant) earlierValues(volume Volume) (values keptValues, known bool) {
	if volume.Config != nil {
		return t.valuesIn(*volume.Config)
	}
	if volume.Image == "" {
		return t.newValues(), !volume.TokenKeys
	}
	for _, method := range []string{sideloadUnset, sideloadInitContainer} {
		values := keptValues{t.Namespace, method}
		for _, path := range []string{rootKeyPath, subdirKeyPath} {
			if t.renders(volume.ConfigHash, path, values) {
				return values, true
			}
		}
	}
	return keptValues{}, false
}

// valuesIn returns the values of a gateway that was started with a text. They are not known if a gateway does not start with the
// text.
func (t Tenant) valuesIn(text string) (values keptValues, known bool) {
	config, is := decodeEarlier(text)
	if !is {
		return values, false
	}
	driver := tableAt(config, "openshell", "drivers", "kubernetes")
	values.gatewayID = textAt(driver, "gateway_id", t.Namespace) // without one, no token and no label of a sandbox has it
	if tokens := tableAt(config, "openshell", "gateway", "gateway_jwt"); tokens != nil {
		values.gatewayID = textAt(tokens, "gateway_id", defaultGatewayID)
	}
	values.sideloadMethod = textAt(driver, "supervisor_sideload_method", sideloadUnset)
	return values, gatewayIDPattern.MatchString(values.gatewayID) && isSideloadMethod(values.sideloadMethod)
}

// decodeEarlier decodes the gateway.toml that exists. It reports false if the text is empty, too large or not TOML.
func decodeEarlier(text string) (table, bool) {
	config := table{}
	if text == "" || !withinEarlierBounds(text) || toml.Unmarshal([]byte(text), &config) != nil {
		return nil, false
	}
	return config, true
}

// textAt returns the text at a key, unset if the table does not set the key, and an empty text if the value is not a string.
func textAt(in table, key, unset string) string {
	value, set := in[key]
	if !set {
		return unset
	}
	text, _ := value.(string)
	return text
}

// setsGatewayID reports whether a spec.config sets the gateway_id.
func setsGatewayID(given table) bool {
	_, ofTokens := tableAt(given, "openshell", "gateway", "gateway_jwt")["gateway_id"]
	_, ofDriver := tableAt(given, "openshell", "drivers", "kubernetes")["gateway_id"]
	return ofTokens || ofDriver
}

func isSideloadMethod(method string) bool {
	return method == sideloadInitContainer || method == sideloadImageVolume || method == sideloadUnset
}

// configText returns gateway.toml with the key-encryption key at a path, unless the tenant's config sets its own, and with the
// values that the gateway keeps.
func (t Tenant) configText(path string, values keptValues) ([]byte, error) {
	keepsPath := !t.defaultKeyPath || path == subdirKeyPath
	values.sideloadMethod = cmp.Or(t.sideloadMethod, values.sideloadMethod)
	if keepsPath && values == t.renderedValues() {
		return t.gatewayTOML, nil
	}
	config := table{}
	if err := toml.Unmarshal(t.gatewayTOML, &config); err != nil {
		return nil, err
	}
	gateway, driver := tableAt(config, "openshell", "gateway"), tableAt(config, "openshell", "drivers", "kubernetes")
	if !keepsPath {
		tableAt(gateway, "credential_storage")["key_encryption_key_path"] = path
	}
	for _, with := range []table{tableAt(gateway, "gateway_jwt"), driver} {
		if _, set := with["gateway_id"]; set {
			with["gateway_id"] = values.gatewayID
		}
	}
	if _, set := driver["supervisor_sideload_method"]; set {
		driver["supervisor_sideload_method"] = values.sideloadMethod
	}
	if values.sideloadMethod == sideloadUnset {
		delete(driver, "supervisor_sideload_method")
	}
	return toml.Marshal(config)
}

// renders reports whether configText returns the text of a hash, now or before the platform set an AppArmor profile.
func (t Tenant) renders(configHash, path string, values keptValues) bool {
	text, err := t.configText(path, values)
	if err != nil {
		return false
	}
	if configHash == hash(string(text)) {
		return true
	}
	if t.platform.appArmorProfile == "" {
		return false
	}
	config := table{}
	if err := toml.Unmarshal(text, &config); err != nil {
		return false
	}
	delete(tableAt(config, "openshell", "drivers", "kubernetes"), "app_armor_profile")
	text, err = toml.Marshal(config)
	return err == nil && configHash == hash(string(text))
}

// renderedValues returns the values that gatewayTOML has.
func (t Tenant) renderedValues() keptValues {
	values := t.newValues()
	values.sideloadMethod = cmp.Or(t.sideloadMethod, values.sideloadMethod)
	return values
}
