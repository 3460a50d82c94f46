package manifests

import (
	"fmt"
	"slices"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// CheckEarlierConfig rejects a gateway whose gateway_id or sideload method is not known, and a spec.config that contradicts
// the gateway_id. The error is a [*RejectedError].
func (t Tenant) CheckEarlierConfig(volume Volume) error {
	values, unknown := t.keptValues(volume)
	if unknown == "" {
		if t.config.SetsGatewayID && values.GatewayID != t.Namespace {
			return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "sets gateway_id to %q, but the gateway must keep %q, which is in the tokens of its sandboxes; remove gateway_id from spec.config", t.Namespace, values.GatewayID)
		}
		if own := t.config.OwnAudience(values.GatewayID); own != "" {
			return reject(v1alpha1.ReasonInvalidConfig, "spec.config", "", "gives an interceptor or middleware the audience %q, which is the gateway's own, and the gateway would not start; change the audience", own)
		}
		return nil
	}
	return reject(v1alpha1.ReasonEarlierConfigUnknown, "spec", "", "is held: the operator does not know the gateway_id and the supervisor_sideload_method of the existing gateway, on which its sandboxes depend: %s; "+
		"if the gateway has no sandboxes, run: kubectl annotate --overwrite pvc %s -n %s %s=%s %s=%s; otherwise, run the same command with the values of the gateway.toml that the gateway was started with (gateway_id is %[8]s and the method is %[9]s where it does not set them)",
		unknown, ClaimName, t.Namespace, annotationGatewayID, t.Namespace, annotationSideloadMethod, gatewaytoml.SideloadInitContainer, gatewaytoml.DefaultGatewayID, gatewaytoml.SideloadUnset)
}

// keptValues returns the values that the gateway on a volume keeps: those that the claim records or, without a record, those
// of the gateway.toml that exists. If a value is not known, it is that of a new gateway, and unknown says why.
func (t Tenant) keptValues(volume Volume) (values gatewaytoml.Kept, unknown string) {
	values = gatewaytoml.NewKept(t.Namespace)
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
		return fmt.Sprintf("annotation %s of claim %s is %q, which is not a possible value", annotation, ClaimName, message.TruncateMiddle(value))
	}
	if id, recorded := volume.Claim.Annotations[annotationGatewayID]; recorded {
		if values.GatewayID = id; !gatewaytoml.IsGatewayID(id) {
			values.GatewayID, unknown = t.Namespace, impossible(annotationGatewayID, id)
		}
	}
	if method, recorded := volume.Claim.Annotations[annotationSideloadMethod]; recorded {
		if values.SideloadMethod = method; !gatewaytoml.IsSideloadMethod(method) {
			values.SideloadMethod, unknown = gatewaytoml.SideloadInitContainer, impossible(annotationSideloadMethod, method)
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
func (t Tenant) earlierValues(volume Volume) (values gatewaytoml.Kept, known bool) {
	if text, exists := volume.file(); exists {
		return gatewaytoml.ReadKept(text, t.Namespace)
	}
	if volume.Image == "" {
		return gatewaytoml.NewKept(t.Namespace), !volume.TokenKeys
	}
	for _, method := range []string{gatewaytoml.SideloadInitContainer, gatewaytoml.SideloadUnset} { // both are the same text in schema version 2
		values := gatewaytoml.Kept{GatewayID: t.Namespace, SideloadMethod: method}
		for _, path := range []string{gatewaytoml.RootKeyPath, gatewaytoml.SubdirKeyPath} {
			if t.renders(volume.ConfigHash, path, values) {
				return values, true
			}
		}
	}
	return gatewaytoml.Kept{}, false
}

// renders reports whether a hash is that of a gateway.toml which the operator renders, or rendered before the platform set an
// AppArmor profile, for a key path and values.
func (t Tenant) renders(configHash, keyPath string, values gatewaytoml.Kept) bool {
	texts, err := t.config.Renderings(keyPath, values)
	return err == nil && slices.ContainsFunc(texts, func(text []byte) bool { return configHash == hash(string(text)) })
}
