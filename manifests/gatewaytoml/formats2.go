package gatewaytoml

import (
	"path"
	"regexp"
	"slices"
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

// isLogFile accepts a file on the gateway's volume that the gateway does not use for anything else.
func isLogFile(text string) bool {
	file := path.Clean(text)
	return isVolumeFile(text) && !strings.HasPrefix(file, VolumePath+"/openshell.db") && file != RootKeyPath && file != SubdirKeyPath
}

// reservedDomains are the domains of labels and annotations that decide about the networks and rights of pods. With
// app.kubernetes.io/name, for example, a sandbox could become an endpoint of the gateway's Service.
var reservedDomains = []string{"kubernetes.io", "k8s.io", "x-k8s.io", "cncf.io", "openshell.ai"}

// podKey matches the key of a label or annotation: a name, and before it perhaps a domain.
var podKey = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$`)

// isPodKey accepts the key of a label or annotation that callers may set on the pods of sandboxes.
func isPodKey(text string) bool {
	domain, _, has := strings.Cut(text, "/")
	return podKey.MatchString(text) && (!has || !slices.ContainsFunc(reservedDomains, func(reserved string) bool {
		return domain == reserved || strings.HasSuffix(domain, "."+reserved)
	}))
}
