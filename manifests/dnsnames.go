package manifests

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// dnsName is a name of RFC 1123 in lower case, with a wildcard at most as its whole first label; the whole may have
// 253 characters, a label 63. The API's schema has the same rule.
var dnsName = regexp.MustCompile(`^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// lastLabelNumeric matches what resolvers take for an IPv4 address, or for a broken one.
var lastLabelNumeric = regexp.MustCompile(`(^|\.)[0-9]+$`)

// serverNames returns the names that the gateway's certificate must have: those by which sandboxes connect, and the tenant's own.
// They are sorted, without duplicates, and addresses are in their shortest form.
func serverNames(namespace string, given []string) (names []string, errs []*RejectedError) {
	names = serviceNames(namespace)
	for i, name := range given {
		if isAddress(name) {
			names = append(names, netip.MustParseAddr(name).String())
			continue
		}
		if !isDNSName(name) {
			errs = append(errs, reject(v1alpha1.ReasonInvalidServerDNSName, fmt.Sprintf("spec.serverDnsNames[%d]", i), name, "%s", problemOfName(name)))
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), errs
}

func isAddress(name string) bool {
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Zone() == "" && !addr.Is4In6()
}

func isDNSName(name string) bool {
	return len(name) <= 253 && dnsName.MatchString(name) && !lastLabelNumeric.MatchString(name)
}

// serviceNames returns the full names of the gateway's Service, shortest first.
func serviceNames(namespace string) []string {
	return []string{GatewayName + "." + namespace + ".svc", GatewayName + "." + namespace + ".svc.cluster.local"}
}

// AlsoServed returns names that each certificate from certgen has: the Service's short ones, and those of port-forwarding. A
// certificate from another issuer may lack them. OpenShell's own generator sets only some of them, and that must not change
// the certificate authority.
func AlsoServed(namespace string) []string {
	return []string{GatewayName, GatewayName + "." + namespace, "localhost", "127.0.0.1", "::1"}
}

// wildcards returns the names that begin with a wildcard.
func wildcards(names []string) []string {
	var found []string
	for _, name := range names {
		if strings.HasPrefix(name, "*.") {
			found = append(found, name)
		}
	}
	return found
}
