package status

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
	"github.com/ambient-code/gatewaytenant-operator/controllers/message"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// A Warning is a fact that does not stop a tenant but that its administrators should know.
type Warning struct{ Reason, Message string }

// setWarning reports all warnings in one condition, which exists only while there are some.
func setWarning(status *v1alpha1.GatewayTenantStatus, in Input) {
	all := Warnings(in)
	if in.Plan.Rejected != nil && ReportsOpenDefault(*status) { // the gateway that runs has not changed
		all = append(all, OpenDefault)
	}
	if len(all) == 0 {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionWarning)
		return
	}
	var messages []string
	for _, w := range all {
		messages = append(messages, w.Message)
	}
	set(status, conditionTrue(v1alpha1.ConditionWarning, all[0].Reason, strings.Join(messages, "; ")))
}

// OpenDefault applies to nearly every tenant. It comes after all other warnings, so that it is the reason of the condition only
// if there is nothing else to warn of.
var OpenDefault = Warning{v1alpha1.ReasonOpenDefault, "spec.config does not set openshell.gateway.oidc, so every client that has the client certificate and sends no token is an administrator of the gateway; to require a token of each user, configure OIDC there"}

// ReportsOpenDefault reports whether a status names the open default, alone or after other warnings.
func ReportsOpenDefault(status v1alpha1.GatewayTenantStatus) bool {
	is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWarning)
	return is != nil && strings.HasSuffix(is.Message, OpenDefault.Message)
}

// Warnings returns the warnings about a tenant in a fixed order, so that the status changes only if they do.
func Warnings(in Input) []Warning {
	var all []Warning
	if (len(in.Contentions) > 0 || !in.Plan.RepairAt.IsZero()) && in.Plan.Rejected == nil && !in.paused() {
		all = append(all, contentionWarning(in))
	}
	if in.Plan.Objects.Certgen != nil {
		if ready := certificatesReady(in); ready.Reason == v1alpha1.ReasonRenewalBlocked {
			all = append(all, Warning{ready.Reason, ready.Message})
		}
	}
	if in.Plan.Held && !in.Plan.AdoptionRefused {
		all = append(all, Warning{v1alpha1.ReasonUpdateQueued, queued(in.SlotHolders)})
	}
	if in.Plan.Rejected == nil {
		if unknown := in.Plan.Tenant.Experimental(); unknown != "" {
			all = append(all, Warning{v1alpha1.ReasonExperimentalVersion, fmt.Sprintf("gateway %s runs only because the platform lists it in experimentalVersions, and sandboxes may not work: %s", in.Plan.Tenant.Version, unknown)})
		}
		all = append(all, versionWarnings(in)...)
		all = append(all, sandboxPodWarnings(in.Observed.SandboxPods, in.release(), in.GatewayTenant.Namespace)...)
		if differs := in.Plan.Tenant.SizeDiffers(in.Observed.Volume); differs != "" {
			all = append(all, Warning{v1alpha1.ReasonStorageSizeDiffers, differs})
		}
	}
	if !in.Plan.Tenant.IssuesSandboxTokens() {
		all = append(all, Warning{v1alpha1.ReasonSandboxTokensDisabled, "spec.sandboxTokens is Disabled, so the gateway issues no tokens to sandboxes: they cannot authenticate and do not connect; set it to Enabled"})
	}
	if warning := podSecurityWarning(in.Observed.PodSecurity, in.release()); warning.Reason != "" {
		all = append(all, warning)
	}
	if warning := namespaceWarning(in); warning.Reason != "" {
		all = append(all, warning)
	}
	if unused := in.Plan.Tenant.UnusedTables(); len(unused) > 0 {
		all = append(all, Warning{v1alpha1.ReasonConfigIgnored, ignored(unused)})
	}
	if in.Plan.Rejected == nil && in.Plan.Tenant.OpenDefault() {
		all = append(all, OpenDefault)
	}
	return all
}

// queued reports that an update waits for a rollout slot, and which tenants hold the slots.
func queued(holders []string) string {
	text := "an update of the platform waits for a rollout slot: a few gateways are updated at a time, and each has to serve again before the next"
	if len(holders) == 0 {
		return text
	}
	return text + "; when this was last checked (every 5 minutes), the slots were held by the tenants in " + message.FirstOf(holders, 3)
}

// namespaceWarning warns of a namespace that should hold no gateway. It is empty if there is nothing to warn of.
func namespaceWarning(in Input) Warning {
	const move = "create the gateway in a namespace of its own, move its users there, and then delete this GatewayTenant"
	namespace := in.GatewayTenant.Namespace
	switch {
	case in.Plan.Reserved && (in.Plan.Rejected == nil || in.Plan.Rejected.Reason != v1alpha1.ReasonNamespaceReserved):
		return Warning{v1alpha1.ReasonNamespaceReserved, fmt.Sprintf("namespace %s is reserved for the system or the operator, and this gateway stays only because it existed before; %s", namespace, move)}
	case namespace == metav1.NamespaceDefault:
		return Warning{v1alpha1.ReasonDefaultNamespace, fmt.Sprintf("the gateway is in namespace %s, where objects are created by mistake and users of all kinds have rights; %s", namespace, move)}
	}
	return Warning{}
}

// ignored names the first of the tables of spec.config that the gateway does not use.
func ignored(tables []string) string {
	return fmt.Sprintf("spec.config has tables of drivers that this gateway does not run, and they are left out of its gateway.toml: %s; "+
		"remove them from spec.config (it runs the compute driver kubernetes and the credential driver that openshell.gateway.credential_drivers names)",
		message.FirstOf(tables, 5))
}

// versionWarnings are the warnings about the version that a valid spec requests.
func versionWarnings(in Input) []Warning {
	if in.Observed.SandboxAPIs == nil {
		return nil // unknown
	}
	var all []Warning
	if missing, needed := in.Plan.Tenant.MissingSandboxAPI(in.Observed.SandboxAPIs); missing != "" && !needed {
		all = append(all, Warning{v1alpha1.ReasonSandboxAPIMissing, missing})
	}
	if refused := in.Plan.Tenant.RefusedSandboxPods(in.Observed.SandboxAPIs); refused != "" {
		all = append(all, Warning{v1alpha1.ReasonAgentSandboxUnsupported, refused})
	}
	return all
}

// release returns the contract of the release that the spec requests or, if it is rejected, of the one that runs. It is empty if that is
// unknown.
func (in Input) release() release.Contract {
	if in.Plan.Rejected == nil {
		return in.Plan.Tenant.Release()
	}
	running, _ := manifests.RunningRelease(in.Observed.Volume)
	return running
}

// podSecurityWarning warns of a Pod Security level that admits no sandboxes of a release. The warning is empty if the level admits them,
// or is not set. Sandboxes of an unknown release may need privileged.
func podSecurityWarning(level string, c release.Contract) Warning {
	needed := cmp.Or(c.SandboxPodSecurity, "privileged")
	if level == "" || strictness(level) <= strictness(needed) {
		return Warning{}
	}
	return Warning{v1alpha1.ReasonPodSecurity, fmt.Sprintf("the namespace's label %s=%s lets no sandbox run: they need %s", observe.LabelPodSecurity, level, needed)}
}

// strictness orders Pod Security levels. The API server treats an unknown one as restricted.
func strictness(level string) int {
	switch level {
	case "privileged":
		return 0
	case "baseline":
		return 1
	}
	return 2
}

// sandboxPodWarnings are the warnings about what rejects the pods of sandboxes of a release.
func sandboxPodWarnings(is sandboxpods.Rejections, c release.Contract, namespace string) []Warning {
	var all []Warning
	if message := is.Nodes.Message(c); message != "" {
		all = append(all, Warning{v1alpha1.ReasonNodesRejectSandboxes, message})
	}
	if message := is.Quotas.Message(c, namespace); message != "" {
		all = append(all, Warning{v1alpha1.ReasonQuotaRejectsSandboxes, message})
	}
	return all
}
