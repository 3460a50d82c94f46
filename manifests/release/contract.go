package release

import (
	"fmt"
	"slices"
	"strings"
)

// Contract is what the operator knows of one release of OpenShell: what its gateway reads, what it needs, and what it does
// with clients and sandboxes. [Of] returns it. The facts are in changes.go.
type Contract struct {
	// Version is the version of the release.
	Version Version
	// Known is how the facts are known.
	Known Knowledge
	// Unsupported says why the operator does not run the release. It is empty if it does.
	Unsupported string

	// Schema is the version of gateway.toml: 1 or 2. No file starts gateways of both.
	Schema int
	// ConfigIsFile is set if the gateway refuses a gateway.toml that is a symbolic link, as every file of a mounted ConfigMap is, unless it
	// is mounted by itself with subPath.
	ConfigIsFile bool
	// Preflight is set if the gateway's program can check a gateway.toml without starting. That it can do so in a Job is inferred from its
	// documentation.
	Preflight bool
	// GracePeriodSeconds is how long the gateway may take to end.
	GracePeriodSeconds int64

	// Repository is where the project publishes the images of the release, without the last part, such as gateway.
	Repository string
	// SandboxImage is set if a sandbox needs the image sandbox in addition to supervisor.
	SandboxImage bool
	// PinnedSupervisor is set if the gateway's default image of the supervisor is that of its own release.
	PinnedSupervisor bool
	// Sideload is set if the driver has the keys supervisor_sideload_method and app_armor_profile.
	Sideload bool

	// SandboxAPIs are the versions of agents.x-k8s.io that the gateway can use, oldest first.
	SandboxAPIs []string
	// ListsSandboxes is set if a gateway does not start unless it can list the Sandboxes of its namespace.
	ListsSandboxes bool
	// CreatesPods is set if the gateway itself creates pods, Secrets, Services and NetworkPolicies for sandboxes, in addition to
	// Sandboxes.
	CreatesPods bool

	// SandboxPodSecurity is the strictest Pod Security level that admits the pods of sandboxes: privileged, baseline or restricted.
	SandboxPodSecurity string
	// StrictGroups is set if the pods of sandboxes demand supplementalGroupsPolicy Strict, which not every node supports.
	StrictGroups bool
	// UnsetResources is set if containers of sandboxes have neither requests nor limits. A ResourceQuota on CPU or memory then rejects
	// their pods, unless a LimitRange has defaults.
	UnsetResources bool

	// DemandsCertificate is set if a gateway without OIDC ends the TLS handshake with a client that sends no certificate. Then
	// allow_unauthenticated_users admits the holders of a certificate, and without it, it would admit every client.
	DemandsCertificate bool
	// CertificateUsers is set if a gateway on Kubernetes authenticates users by their client certificates (mtls_auth).
	CertificateUsers bool

	// EncryptsCredentials is set if the gateway needs a key-encryption key.
	EncryptsCredentials bool
	// DriverGatewayID is set if the driver has its own copy of the gateway_id, which is not taken from gateway_jwt.
	DriverGatewayID bool
	// SecureInterceptors is set if interceptors can be called by HTTPS.
	SecureInterceptors bool
	// AuthenticatesToExtensions is set if the gateway presents tokens to interceptors and middleware.
	AuthenticatesToExtensions bool
}

// Knowledge is how the facts of a contract are known.
type Knowledge string

// How the facts are known, from the most to the least certain.
const (
	// Run is for releases whose gateway was built and run.
	Run Knowledge = "run"
	// Read is for releases of which all changes in the source were read.
	Read Knowledge = "read"
	// Documented is for releases of which the documentation and single files of the source were read.
	Documented Knowledge = "documented"
	// Inferred is for releases of which less is known, and the rest is taken from the release before.
	Inferred Knowledge = "inferred"
)

// Of returns the contract of a release. If the release is not known, the contract has the facts of the releases before it, as Inferred,
// and Unsupported.
func Of(version Version) Contract {
	contract := Contract{}
	for _, change := range changes {
		if version.Less(change.since) {
			break
		}
		change.apply(&contract)
	}
	contract.Version = version
	if !IsKnown(version) {
		if contract.Known != "" {
			contract.Known = Inferred
		}
		contract.Unsupported = "its facts are not known"
	}
	return contract
}

// Known returns all releases that are known, oldest first.
func Known() []Version {
	var all []Version
	for _, span := range known {
		for version := span.first; !span.last.Less(version); version.Patch++ {
			all = append(all, version)
		}
	}
	return all
}

// IsKnown reports whether the facts of a release are known.
func IsKnown(version Version) bool {
	return slices.ContainsFunc(known, func(s span) bool { return !version.Less(s.first) && !s.last.Less(version) })
}

// supported are the releases that the operator supports, oldest first.
var supported = slices.DeleteFunc(Known(), func(version Version) bool { return Of(version).Unsupported != "" })

// Supported returns the releases that the operator supports, oldest first.
func Supported() []Version { return slices.Clone(supported) }

// OldestSupported returns the oldest release that the operator supports.
func OldestSupported() Version { return supported[0] }

// NewestSupported returns the newest release that the operator supports.
func NewestSupported() Version { return supported[len(supported)-1] }

// SupportedWith returns the supported releases that read a version of gateway.toml, oldest first.
func SupportedWith(schema int) []Version {
	return slices.DeleteFunc(Supported(), func(version Version) bool { return Of(version).Schema != schema })
}

// SupportedText names the releases that the operator supports, such as "0.0.71 to 0.0.111 and 0.1.3 to 0.1.5".
func SupportedText() string { return Ranges(supported) }

// Ranges returns versions, oldest first, as text. Versions that follow each other are one range.
func Ranges(versions []Version) string {
	var texts []string
	for i := 0; i < len(versions); {
		first := versions[i]
		last := first
		for i++; i < len(versions) && versions[i] == New(last.Major, last.Minor, last.Patch+1); i++ {
			last = versions[i]
		}
		if first == last {
			texts = append(texts, first.String())
		} else {
			texts = append(texts, fmt.Sprintf("%s to %s", first, last))
		}
	}
	return strings.Join(texts, " and ")
}

// Image returns the image that the project publishes for the release under a name, such as supervisor.
func (c Contract) Image(name string) string {
	return fmt.Sprintf("%s/%s:%s", c.Repository, name, c.Version)
}

// First returns the first release whose contract is as asked, also if that release is not known yet. The contract is always that of
// a release with a change.
func First(is func(Contract) bool) Version {
	for _, change := range changes {
		if is(Of(change.since)) {
			return change.since
		}
	}
	return Version{}
}
