package release

import (
	"fmt"
	"slices"
	"strings"
)

// To support a new release, follow docs/contributing.md: extend known, and add what changed to changes.

// span is a range of releases that follow each other.
type span struct{ first, last Version }

// known are the releases whose facts are known, oldest first.
var known = []span{
	{New(0, 0, 71), New(0, 0, 111)},
	{New(0, 1, 0), New(0, 1, 10)},
}

// change is what is different from a release on. A field that a change does not set stays as it was in the release before.
type change struct {
	since Version
	apply func(*Contract)
	// upgrade is what an upgrade to the release costs beyond a restart of the gateway. A step, see steps, need not be repeated.
	upgrade string
}

// changes are all changes, oldest first. The first sets what is not zero in the oldest release.
var changes = []change{
	{since: New(0, 0, 71), apply: func(c *Contract) {
		*c = Contract{
			Known:              Run,
			Schema:             1,
			GracePeriodSeconds: 5,
			Repository:         "ghcr.io/nvidia/openshell",
			Sideload:           true,
			SandboxAPIs:        []string{"v1alpha1"},
			SandboxPodSecurity: "privileged",
			DemandsCertificate: true,
		}
	}},
	{since: New(0, 0, 72), apply: func(c *Contract) {
		c.Known = Read
		c.SandboxAPIs = []string{"v1alpha1", "v1beta1"} // before, pods that a Sandbox of v1beta1 owns got no token
	}},
	{since: New(0, 0, 82), apply: func(c *Contract) { // before, it was latest
		c.PinnedSupervisor = true
	}, upgrade: "gateways do not start with the key `supervisor_topology`: write `topology` instead"},
	{since: New(0, 0, 100), apply: func(c *Contract) { c.EncryptsCredentials = true }, upgrade: "the gateway creates a key on its volume, with which it encrypts stored credentials"},
	{since: New(0, 0, 102), apply: func(c *Contract) { c.SecureInterceptors = true }},
	{since: New(0, 0, 107), apply: func(c *Contract) {
		c.ListsSandboxes = true
		c.DriverGatewayID = true
		c.AuthenticatesToExtensions = true
	}, upgrade: "the gateway does not start without the Sandbox API; interceptors and middleware get a token, so they need HTTPS or allow_insecure_transport"},
	{since: New(0, 0, 111), apply: func(c *Contract) { c.Known = Run }},
	{since: New(0, 1, 0), apply: func(c *Contract) {
		c.Known = Documented
		c.Unsupported = "it admits clients by a rule that 0.1.3 replaced; use 0.1.3 or later"
		c.Schema = 2
		c.ConfigIsFile = true
		c.Preflight = true
		c.GracePeriodSeconds = 30
		c.CreatesPods = true
		c.SandboxImage = true
		c.Sideload = false
		c.SandboxPodSecurity = "restricted" // by the fields of the pods; no sandbox was run at this level
		c.StrictGroups = true               // whether 0.1.0 to 0.1.2 demand it was not seen
		c.UnsetResources = true
	}},
	{since: New(0, 1, 3), apply: func(c *Contract) {
		c.Unsupported = ""
		c.DemandsCertificate = false
		c.CertificateUsers = true
	}},
	{since: New(0, 1, 5), apply: func(c *Contract) { c.Known = Inferred }},
	{since: New(0, 1, 6), apply: func(c *Contract) {
		c.Unsupported = "its sandboxes call their supervisors, and the NetworkPolicies and rights for that are not known"
	}},
	{since: New(0, 1, 10), apply: func(c *Contract) { c.Repository = "quay.io/ai-openshell" }},
}

// Step is a release that changes the data of a gateway so that older releases cannot use it, or that loses data. An upgrade across
// it has to be confirmed.
type Step struct {
	// At is the first release after the step.
	At Version
	// Loss is what the step changes or loses.
	Loss string
	// Before is what to do before the step.
	Before string
}

// steps are all such releases, oldest first.
var steps = []Step{
	{
		At:     New(0, 0, 88),
		Loss:   "the database is migrated for good, and sandboxes that were made before are lost to the gateway while their pods and volumes stay",
		Before: "back up the volume and delete the sandboxes first",
	},
	{
		At:     New(0, 1, 0),
		Loss:   "the database is migrated for good, sandboxes that were made before cannot be used any more, and the built-in provider profiles are gone",
		Before: "back up the volume, export each provider profile that is in use (openshell provider profile export ID -o yaml --global), and delete all sandboxes first",
	},
}

// StepsBetween returns the steps between two releases, oldest first, whichever of the two is newer.
func StepsBetween(a, b Version) []Step { return stepsBetween(steps, a, b) }

func stepsBetween(steps []Step, a, b Version) []Step {
	if b.Less(a) {
		a, b = b, a
	}
	var between []Step
	for _, step := range steps {
		if a.Less(step.At) && !b.Less(step.At) {
			between = append(between, step)
		}
	}
	return between
}

// NewestCompatible returns the newest supported release between which and version no step lies. The second result is false if there is none.
func NewestCompatible(version Version) (Version, bool) {
	return newestCompatible(supported, steps, version)
}

func newestCompatible(supported []Version, steps []Step, version Version) (Version, bool) {
	for _, release := range slices.Backward(supported) {
		if len(stepsBetween(steps, release, version)) == 0 {
			return release, true
		}
	}
	return Version{}, false
}

// StepsText says which gateways cannot share a database.
func StepsText() string { return sharingText(steps) }

func sharingText(steps []Step) string {
	var texts []string
	for i, step := range steps {
		if i == 0 {
			texts = append(texts, fmt.Sprintf("gateways from %s on cannot share a database with older ones", step.At))
		} else {
			texts = append(texts, fmt.Sprintf("those from %s on cannot either", step.At))
		}
	}
	return strings.Join(texts, ", and ")
}

// CostText says what steps change or lose, and what to do before them.
func CostText(steps []Step) string {
	var losses, before []string
	for _, step := range steps {
		losses = append(losses, step.Loss)
		if !slices.Contains(before, step.Before) {
			before = append(before, step.Before)
		}
	}
	return strings.Join(losses, ", and ") + "; " + strings.Join(before, ", and ")
}
