package gateway

import (
	"fmt"
	"strings"
)

// Release is the N of an OpenShell release 0.0.N.
type Release int

// The releases that this package describes, and those between them that changed what a gateway does with its files.
const (
	Oldest          Release = 71
	firstMigrating  Release = 88  // adds the database migration that older releases refuse
	firstEncrypting Release = 100 // encrypts stored credentials with a key-encryption key
	firstListing    Release = 107 // lists its sandboxes before it serves
	Newest          Release = 111
)

// ParseRelease returns the release that a version or an image tag starts with. It reports false if that is not 0.0.N.
func ParseRelease(version string) (Release, bool) {
	var n int
	count, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "0.0.%d", &n)
	return Release(n), count == 1
}

// String returns the release as 0.0.N.
func (r Release) String() string { return fmt.Sprintf("0.0.%d", int(r)) }

// ListsSandboxes reports whether a gateway does not start unless it can list the Sandboxes of its namespace.
func (r Release) ListsSandboxes() bool { return r >= firstListing }

// Encrypts reports whether a gateway needs a key-encryption key.
func (r Release) Encrypts() bool { return r >= firstEncrypting }

// Migrates reports whether a gateway migrates its database so that releases before 0.0.88 refuse it.
func (r Release) Migrates() bool { return r >= firstMigrating }
