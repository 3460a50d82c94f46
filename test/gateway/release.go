package gateway

import (
	"fmt"
	"strings"
)

// Release is a release of OpenShell. A newer one is greater: 0.0.N is N, and 0.1.N is 1000 + N.
type Release int

const minor = 1000

// The releases that this package describes, and those between them that changed what a gateway does with its files.
const (
	Oldest          Release = 71
	firstMigrating  Release = 88  // adds the database migration that older releases refuse
	firstEncrypting Release = 100 // encrypts stored credentials with a key-encryption key
	firstListing    Release = 107 // lists its sandboxes before it serves
	NewestSchema1   Release = 111

	firstSchema2       Release = 1*minor + 0 // reads version 2 of gateway.toml only
	firstChosenTunnel  Release = 1*minor + 1 // has the WebSocket tunnel only if the file enables it
	firstOpenHandshake Release = 1*minor + 3 // requires no client certificate in the handshake
	firstPodMetadata   Release = 1*minor + 5 // has lists of the labels and annotations that sandboxes may set
	Newest             Release = 1*minor + 5
)

// Releases returns the releases that this package describes. The releases from 0.0.112 to 0.0.116 and those after 0.1.5 are
// not among them.
func Releases() []Release {
	var all []Release
	for r := Oldest; r <= Newest; r++ {
		if r.Described() {
			all = append(all, r)
		}
	}
	return all
}

// Described reports whether this package describes a release. The other releases 0.0.N follow the rules of the described
// release before them. Parse returns an error for releases after the newest.
func (r Release) Described() bool {
	return r >= Oldest && r <= NewestSchema1 || r >= firstSchema2 && r <= Newest
}

// ParseRelease returns the release that a version or an image tag starts with. It reports false if that is not 0.M.N.
func ParseRelease(version string) (Release, bool) {
	var m, n int
	count, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "0.%d.%d", &m, &n)
	return Release(m*minor + n), count == 2 && m >= 0 && m < minor && n >= 0 && n < minor
}

// String returns the release as 0.M.N.
func (r Release) String() string { return fmt.Sprintf("0.%d.%d", int(r)/minor, int(r)%minor) }

// ListsSandboxes reports whether a gateway does not start unless it can list the Sandboxes of its namespace. That releases
// 0.1.N do so, too, is inferred from their right to list them. Whether they need other rights at their start is not known.
func (r Release) ListsSandboxes() bool { return r >= firstListing }

// Encrypts reports whether a gateway needs a key-encryption key.
func (r Release) Encrypts() bool { return r >= firstEncrypting }

// ReadsSchema2 reports whether a gateway reads version 2 of gateway.toml and no other.
func (r Release) ReadsSchema2() bool { return r >= firstSchema2 }

// DemandsCertificates reports whether the handshake of a gateway with a client CA and without OIDC fails for a client without
// a certificate.
func (r Release) DemandsCertificates() bool { return r < firstOpenHandshake }
