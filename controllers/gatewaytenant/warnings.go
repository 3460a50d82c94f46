package gatewaytenant

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// labelPodSecurity is on a namespace, and says which pods are refused in it.
const labelPodSecurity = "pod-security.kubernetes.io/enforce"

// warning is what does not stop a tenant but should be known.
type warning struct{ reason, message string }

// setWarning says all that there is to warn of, in one condition, which is there only while there is something.
func setWarning(status *v1alpha1.GatewayTenantStatus, p pass) {
	all := warnings(p)
	if p.rejected != nil && warnsOfOpenDefault(*status) { // the gateway that runs has not changed
		all = append(all, openDefault)
	}
	if len(all) == 0 {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionWarning)
		return
	}
	var messages []string
	for _, w := range all {
		messages = append(messages, w.message)
	}
	set(status, yes(v1alpha1.ConditionWarning, all[0].reason, strings.Join(messages, "; ")))
}

// openDefault is true of nearly every tenant. It comes after all other warnings, so that it is the reason of the condition only
// if there is nothing else to warn of.
var openDefault = warning{v1alpha1.ReasonOpenDefault, "spec.config does not set openshell.gateway.oidc, so every client that has the client certificate and sends no token is an administrator of the gateway; to require a token of each user, configure OIDC there"}

// warnsOfOpenDefault reports whether a status names the open default, alone or after other warnings.
func warnsOfOpenDefault(status v1alpha1.GatewayTenantStatus) bool {
	is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWarning)
	return is != nil && strings.HasSuffix(is.Message, openDefault.message)
}

// warnings are in a fixed order: a status that says the same must be the same.
func warnings(p pass) []warning {
	var all []warning
	if len(p.rivals) > 0 && p.rejected == nil && !p.suspended {
		all = append(all, warning{v1alpha1.ReasonChangedByOthers, fmt.Sprintf("%s changes objects of this gateway again and again, and they are set back each time; if an earlier control plane still runs, stop it", strings.Join(p.rivals, " and "))})
	}
	if p.held {
		all = append(all, warning{v1alpha1.ReasonUpdateQueued, "an update of the platform waits for its turn: other tenants are updated first, a few at a time, and each has to serve again before the next"})
	}
	if p.rejected == nil {
		all = append(all, ofTheVersion(p)...)
		if differs := p.tenant.SizeDiffers(p.seen.volume); differs != "" {
			all = append(all, warning{v1alpha1.ReasonStorageSizeDiffers, differs})
		}
	}
	if !p.tenant.IssuesSandboxTokens() {
		all = append(all, warning{v1alpha1.ReasonSandboxTokensDisabled, "spec.sandboxTokens is Disabled, so the gateway issues no tokens to sandboxes: they cannot authenticate and do not connect; set it to Enabled"})
	}
	if p.podSecurity != "" && p.podSecurity != "privileged" {
		all = append(all, warning{v1alpha1.ReasonPodSecurity, fmt.Sprintf("the namespace's label %s=%s lets no sandbox run: they need privileged", labelPodSecurity, p.podSecurity)})
	}
	if unused := p.tenant.UnusedTables(); len(unused) > 0 {
		all = append(all, warning{v1alpha1.ReasonConfigIgnored, ignored(unused)})
	}
	if p.rejected == nil && p.tenant.OpenDefault() {
		all = append(all, openDefault)
	}
	return all
}

// ignored names the first of the tables of spec.config that the gateway does not use.
func ignored(tables []string) string {
	const most = 5
	more := ""
	if n := len(tables) - most; n > 0 {
		tables, more = tables[:most], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("spec.config has tables of drivers that this gateway does not run, and they are left out of its gateway.toml: %s%s; "+
		"remove them from spec.config (it runs the compute driver kubernetes and the credential driver that openshell.gateway.credential_drivers names)",
		strings.Join(tables, ", "), more)
}

// ofTheVersion are the warnings about the version that a valid spec asks for.
func ofTheVersion(p pass) []warning {
	var all []warning
	if missing, needed := p.tenant.MissingSandboxAPI(p.seen.sandboxAPIs); missing != "" && !needed {
		all = append(all, warning{v1alpha1.ReasonSandboxAPIMissing, missing})
	}
	if refused := p.tenant.RefusedSandboxPods(p.seen.sandboxAPIs); refused != "" {
		all = append(all, warning{v1alpha1.ReasonAgentSandboxUnsupported, refused})
	}
	return all
}
