package gatewaytoml

import (
	"path"
	"regexp"
	"strings"
)

// isHTTPSURL accepts what a gateway of schema version 2 connects to by TLS only: an OpenID Connect issuer or Vault.
func isHTTPSURL(text string) bool {
	return strings.HasPrefix(text, "https://") && isVaultAddress(text)
}

// isHTTPSOrigin accepts a URL that has nothing but a host and a port.
func isHTTPSOrigin(text string) bool {
	host, is := strings.CutPrefix(text, "https://")
	return is && !strings.Contains(host, "/") && isHTTPSURL(text)
}

// isLogFile accepts a file on the gateway's volume that is not that of the database, a key, or a directory of one. The rule eventLog
// is about the files that the text names.
func isLogFile(text string) bool {
	file := path.Clean(text)
	return isVolumeFile(text) && !strings.HasPrefix(file, VolumePath+"/openshell.db") && !overlap(file, RootKeyPath) && !overlap(file, SubdirKeyPath)
}

// overlap reports whether two paths are the same, or one is that of a directory above the other.
func overlap(a, b string) bool {
	a, b = path.Clean(a), path.Clean(b)
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// podKey matches the key of a label or annotation without a domain.
var podKey = regexp.MustCompile(`^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)

// isPodKey accepts the key of a label or annotation that callers may set on the pods of sandboxes. Keys with a domain belong to
// programs, and the list of those that matter cannot be complete. With app.kubernetes.io/name, for example, a sandbox could become an
// endpoint of the gateway's Service, and with others it could leave a service mesh or join a network.
func isPodKey(text string) bool { return podKey.MatchString(text) }
