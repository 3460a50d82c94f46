package certificates

import (
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
)

// namesOf returns the DNS names and addresses that a certificate carries, sorted, each once.
func namesOf(certificate *x509.Certificate) []string {
	names := slices.Clone(certificate.DNSNames)
	for _, ip := range certificate.IPAddresses {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, addr.Unmap().String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// uncovered returns the names that a certificate is not valid for, in their order. A wildcard covers the names that
// match it.
func uncovered(certificate *x509.Certificate, names []string) []string {
	carried := namesOf(certificate)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.Contains(carried, name) || !strings.HasPrefix(name, "*.") && certificate.VerifyHostname(name) == nil
	})
}

// without returns the elements of all that are not among names, in their order.
func without(all, names []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(names, name) })
}

// MissingNames returns the desired names that a certificate with the carried names is not valid for, in their order.
func MissingNames(carried, desired []string) []string {
	certificate := &x509.Certificate{}
	for _, name := range carried {
		if addr, err := netip.ParseAddr(name); err == nil {
			certificate.IPAddresses = append(certificate.IPAddresses, addr.AsSlice())
		} else {
			certificate.DNSNames = append(certificate.DNSNames, name)
		}
	}
	return uncovered(certificate, desired)
}
