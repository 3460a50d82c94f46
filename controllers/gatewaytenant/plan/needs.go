package plan

import (
	"slices"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// need is an object that a step depends on.
type need struct {
	observe.Ref
	degree
}

// degree is how much of an object is needed.
type degree int

const (
	// toExist: the object must exist, and bind the rendered role. If it exists, an update that fails does not matter.
	toExist degree = iota
	// asRendered: the object must be as it is rendered.
	asRendered
	// beforeFirstStart: the object must be as it is rendered before the gateway starts for the first time.
	beforeFirstStart
)

// Objects that others need, and the gateway's pod.
var (
	podRef          = observe.Ref{Kind: "Pod", Name: manifests.PodName}
	claimRef        = observe.Ref{Kind: "PersistentVolumeClaim", Name: manifests.ClaimName}
	configRef       = observe.Ref{Kind: "ConfigMap", Name: manifests.ConfigName}
	sandboxRole     = observe.Ref{Kind: "RoleBinding", Name: manifests.SandboxName}
	sandboxV2       = observe.Ref{Kind: "RoleBinding", Name: manifests.SandboxV2Name}
	certgenRole     = observe.Ref{Kind: "RoleBinding", Name: manifests.CertgenName}
	sshPolicy       = observe.Ref{Kind: "NetworkPolicy", Name: manifests.SandboxSSHName}
	sshLabel        = observe.Ref{Kind: "NetworkPolicy", Name: manifests.SandboxSSHLabelName}
	gatewayUser     = observe.Ref{Kind: "ServiceAccount", Name: manifests.GatewayName}
	certgenUser     = observe.Ref{Kind: "ServiceAccount", Name: manifests.CertgenName}
	preflightUser   = observe.Ref{Kind: "ServiceAccount", Name: manifests.PreflightName}
	preflightPolicy = observe.Ref{Kind: "NetworkPolicy", Name: manifests.PreflightName}
	configNeeds     = []need{{claimRef, asRendered}} // the claim records what gateway.toml follows from, such as the path of a key
	// preflightNeeds has the policy that keeps the pod of a preflight, which runs the tenant's image, from the network.
	preflightNeeds = []need{
		{configRef, asRendered}, {preflightUser, toExist}, {preflightPolicy, asRendered},
	}
	certgenNeeds = []need{{certgenUser, toExist}, {certgenRole, asRendered}}
)

// podNeeds returns what the next pod of a gateway needs. The Service, the sandboxes' ServiceAccount and certgen's objects are not
// among them: a gateway starts without them, and is as safe.
func podNeeds(namespace string) []need {
	return append([]need{
		{gatewayUser, toExist},                    // the API server rejects a pod without its ServiceAccount
		{sandboxRole, toExist},                    // without its rights, a gateway from 0.0.107 on ends immediately
		{sandboxV2, toExist},                      // the same, from 0.1.0 on
		{observe.Binding(namespace), toExist},     // without it, sandboxes get no tokens
		{sshPolicy, beforeFirstStart},             // without it, other pods can connect to the sandboxes of this gateway
		{sshLabel, beforeFirstStart},              // the same, for sandboxes with the other label
		{observe.ClientsPolicy, beforeFirstStart}, // without it, clients can connect that the tenant excludes
	}, configNeeds...)
}

// needsOf returns what a step needs. A step that is not listed here, such as that of a Service or a NetworkPolicy, needs nothing.
func needsOf(step Step, namespace string) []need {
	switch step.Object {
	case observe.Workload:
		return append(podNeeds(namespace), need{configRef, asRendered})
	case podRef: // its successor starts immediately
		return append(podNeeds(namespace), need{configRef, asRendered}, need{observe.Workload, asRendered})
	case configRef:
		if step.Stage == ConfigStage {
			return podNeeds(namespace) // a pod that restarts must not find the gateway.toml of a gateway that cannot start yet
		}
		return configNeeds
	case observe.Ref{Kind: "Job", Name: manifests.CertgenName}:
		return certgenNeeds
	case observe.Preflight:
		return preflightNeeds
	case observe.SharedBinding:
		return []need{{observe.Binding(namespace), asRendered}}
	case observe.Leftovers[0], observe.Leftovers[1]: // Roles, which the former RoleBindings bind
		return []need{{sandboxRole, asRendered}, {certgenRole, asRendered}}
	case observe.Leftovers[2], observe.Leftovers[3]: // NetworkPolicies, which protect the sandboxes until others do
		return []need{{sshPolicy, asRendered}, {sshLabel, asRendered}}
	}
	return nil
}

// addRequirements sets which steps have to succeed before each step.
func (p *Plan) addRequirements(in Input) {
	starts := in.Observed.StatefulSet == nil
	for i := range p.Steps {
		p.Steps[i].Requires = nil
		for _, need := range needsOf(p.Steps[i], in.GatewayTenant.Namespace) {
			if p.matters(need, p.Steps[i].Stage, starts) {
				p.Steps[i].Requires = append(p.Steps[i].Requires, need.Ref)
			}
		}
	}
	p.holdConfig()
}

// holdConfig keeps the gateway.toml of a gateway whose StatefulSet cannot be changed now: a pod that restarts would read the
// configuration of another image. While a repair of the StatefulSet pauses, gateway.toml is repaired.
func (p *Plan) holdConfig() {
	if !p.RepairAt.IsZero() {
		return // a pod must not read what another client wrote
	}
	held := slices.ContainsFunc(p.Steps, func(step Step) bool {
		return step.Object == observe.Workload && step.Difference.Needed && !step.IsExecutable()
	})
	for i := range p.Steps {
		if step := &p.Steps[i]; held && step.Stage == ConfigStage && step.Waits == "" {
			step.Waits = "the update of its StatefulSet"
		}
	}
}

// matters reports whether a step of an earlier stage has to succeed because of a need.
func (p *Plan) matters(need need, stage Stage, starts bool) bool {
	return slices.ContainsFunc(p.Steps, func(step Step) bool {
		if step.Object != need.Ref || step.Stage >= stage {
			return false
		}
		switch need.degree {
		case toExist:
			return step.Action != Update && step.Action != Delete
		case beforeFirstStart:
			return starts
		}
		return true
	})
}
