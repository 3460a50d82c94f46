package plugin

import (
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// deciding are the kinds of the objects that decide whether a gateway restarts, or its version is held.
var deciding = []string{"StatefulSet", "ConfigMap", "PersistentVolumeClaim"}

// addUnsure adds what the plan does not cover because it could not be read.
func (g *gatewayPreview) addUnsure(snapshot observe.Snapshot) {
	if g.Rejected != nil {
		g.addUnsureOfRejection(snapshot.Unreadable)
		return
	}
	if snapshot.Secrets == nil {
		g.unsure = append(g.unsure, "its Secrets cannot be read: what is said of certificates is taken from its status")
	}
	g.unknown = slices.ContainsFunc(snapshot.Unreadable, func(kind string) bool { return slices.Contains(deciding, kind) })
	unreadable := slices.DeleteFunc(slices.Clone(snapshot.Unreadable), func(kind string) bool { return kind == "Pod" }) // it is not applied
	if len(unreadable) > 0 {
		g.unsure = append(g.unsure, "objects of these kinds cannot be read, so the plan does not cover them: "+strings.Join(unreadable, ", "))
	}
}

// addUnsureOfRejection adds which of the objects that might end the rejection cannot be read.
func (g *gatewayPreview) addUnsureOfRejection(unreadable []string) {
	var decides []struct{ kind, unsure string }
	switch g.Rejected.Reason {
	case v1alpha1.ReasonKeyPathUnknown:
		decides = []struct{ kind, unsure string }{
			{"Pod", "the gateway's pod cannot be read: if its termination message says that the gateway found no key at the old path, the operator uses the new path"},
			{"StatefulSet", "the StatefulSet cannot be read: if its gateway is ready, the operator keeps the path that it uses"},
			{"ConfigMap", "the ConfigMap cannot be read: if the gateway is ready with its gateway.toml, the operator keeps the path in it"},
			{"PersistentVolumeClaim", "the volume claim cannot be read: it may record the path"},
		}
	case v1alpha1.ReasonEarlierConfigUnknown:
		decides = []struct{ kind, unsure string }{
			{"ConfigMap", "the ConfigMap cannot be read: the operator keeps the gateway_id and the supervisor_sideload_method that it has"},
		}
	}
	for _, one := range decides {
		if slices.Contains(unreadable, one.kind) {
			g.unsure, g.unknown = append(g.unsure, one.unsure), true
		}
	}
}

// certificatesFromStatus returns the state of Secrets that cannot be read, as far as the status of the tenant tells.
func certificatesFromStatus(tenant *v1alpha1.GatewayTenant, desired manifests.Tenant, observed *observe.Observed) *certificates.Observed {
	is := &certificates.Observed{Complete: true, ServerNames: tenant.Status.ServerDNSNames}
	if observed.StatefulSet != nil {
		is.TokenKeyID = manifests.TokenKeyIn(observed.StatefulSet)
	}
	if missing := certificates.MissingNames(tenant.Status.ServerDNSNames, desired.ServerNames); len(missing) > 0 {
		is.Findings = append(is.Findings, certificates.Finding{Secret: manifests.ServerTLSName, Need: certificates.Invalid, Message: "lacks " + strings.Join(missing, ", ")})
	}
	var done manifests.Rotation
	if tenant.Status.Rotated != nil {
		done = manifests.Rotation(*tenant.Status.Rotated)
	}
	for _, rotation := range []struct{ secret, requested, done string }{
		{manifests.ServerTLSName, desired.Rotation.TLS, done.TLS}, {manifests.CAName, desired.Rotation.CA, done.CA}, {manifests.TokenKeysName, desired.Rotation.Tokens, done.Tokens},
	} {
		if rotation.requested != "" && rotation.requested != rotation.done {
			is.Findings = append(is.Findings, certificates.Finding{Secret: rotation.secret, Need: certificates.Due, Message: "is to be rotated"})
		}
	}
	return is
}
