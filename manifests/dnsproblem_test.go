package manifests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// TestEachKindOfBadNameHasItsCause, and a correction that is valid.
func TestEachKindOfBadNameHasItsCause(t *testing.T) {
	label := strings.Repeat("a", 64)
	for name, want := range map[string]string{
		"":                              "is empty; give a DNS name or an IP address, or remove it",
		" ":                             "is empty;",
		"a.example.com\n":               `has white space around it; write "a.example.com"`,
		"a.example.com b.example.com":   "has white space or a comma in it; write each name as an item of its own",
		"a.example.com,b.example.com":   "has white space or a comma in it; write each name as an item of its own",
		"https://a.example.com:8443/x":  `is a URL; write "a.example.com"`,
		"https://[2001:db8::1]:8443":    `is a URL; write "2001:db8::1"`,
		"https://":                      "is a URL; write only the name of the host",
		"a.example.com/x":               `has a path or is a range of addresses; write "a.example.com"`,
		"10.0.0.0/8":                    `has a path or is a range of addresses; write "10.0.0.0"`,
		"::ffff:192.0.2.1":              `is an IPv4 address in the form of IPv6; write "192.0.2.1"`,
		"fe80::1%eth0":                  `is an address with a zone, which a certificate cannot have; write "fe80::1"`,
		"[2001:db8::1]":                 `has brackets; write "2001:db8::1"`,
		"[2001:db8::1]:8443":            `has brackets; write "2001:db8::1"`,
		"2001:db8::g":                   "is not a valid IPv6 address; correct it",
		"a.example.com:8443":            `has a port, and certificates are for names without one; write "a.example.com"`,
		"192.0.2.1:8443":                `has a port, and certificates are for names without one; write "192.0.2.1"`,
		"*":                             `would match every name; write the domain, too, such as "*.example.com"`,
		"a.*.example.com":               "has a wildcard that is not its whole first label",
		"*a.example.com":                "has a wildcard that is not its whole first label",
		"*.*.example.com":               "has a wildcard that is not its whole first label",
		"a.example.com.":                `ends with a dot, which names in certificates do not; write "a.example.com"`,
		"A.example.com.":                `ends with a dot, which names in certificates do not; write "a.example.com"`,
		".example.com":                  `begins with a dot; write "*.example.com" for all names below the domain`,
		"._":                            "begins with a dot; remove the dot",
		"a..b":                          "has an empty label between two dots; remove one of the dots",
		"A.example.com":                 `has upper-case letters; write "a.example.com"`,
		label + ".example.com":          "has a label of 64 characters",
		strings.Repeat("a.", 127) + "a": "has 255 characters, and a DNS name has at most 253; shorten it",
		"a_b.example.com":               "has an underscore, which names in certificates cannot have",
		"A_b.example.com":               "has an underscore, which names in certificates cannot have",
		"bücher.example.com":            `has the character 'ü'; write the name in its ASCII form, which begins with xn--`,
		"a$b.example.com":               "has the character '$'",
		"-a.example.com":                `has a label that begins or ends with a hyphen ("-a"); remove the hyphen`,
		"1.2.3.999":                     "ends with a number, so that clients take it for an IPv4 address",
		"10":                            "ends with a number, so that clients take it for an IPv4 address",
	} {
		_, errs := serverNames("a", []string{name})
		if len(errs) != 1 || !strings.Contains(errs[0].Message, want) {
			t.Errorf("%q: %v; want %q", name, errs, want)
			continue
		}
		if _, correction, is := strings.Cut(errs[0].Message, `; write "`); is {
			correction, _, _ = strings.Cut(correction, `"`)
			if !isDNSName(correction) && !isAddress(correction) {
				t.Errorf("%q: the correction %q is not valid either", name, correction)
			}
		}
	}
}

func FuzzBadNameHasACause(f *testing.F) {
	for _, seed := range []string{"a", "*.a", "-", "::", "[", "a:b", "1.", "Ä", ".a", "a/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !isDNSName(name) && !isAddress(name) && strings.Contains(problemOfName(name), "neither") {
			t.Errorf("%q: %s", name, problemOfName(name))
		}
	})
}

// TestAllErrorsOfASpecAreReported at the same time, and in one order.
func TestAllErrorsOfASpecAreReported(t *testing.T) {
	gt := tenantWith("[openshell.gateway]\nlog_lvel = 1\nloglevel = 2\ncompute_driver = 3\n")
	gt.Spec.Image = "registry.example.com/openshell/gateway:0.0.111"
	gt.Spec.ServerDNSNames = []string{"A.example.com", "ok.example.com", "b_.example.com"}
	gt.Annotations = map[string]string{v1alpha1.AnnotationRotateTLS: "a b"}
	want := []string{
		"spec.image: ", `spec.serverDnsNames[0]: "A.example.com"`, `spec.serverDnsNames[2]: "b_.example.com"`, "metadata.annotations[",
		"spec.config, line 2, column 1: ", "spec.config, line 3, column 1: ", "spec.config, line 4, column 1: ",
	}
	errs := Check(gt, testPlatform(t))
	if len(errs) != len(want) {
		t.Fatalf("%d errors: %v; want %d", len(errs), errs, len(want))
	}
	for i, err := range errs {
		if !strings.HasPrefix(err.Message, want[i]) {
			t.Errorf("error %d is %q, want one that begins with %q", i, err.Message, want[i])
		}
	}
	_, err := NewTenant(gt, testPlatform(t))
	for _, one := range want[:4] {
		if err == nil || !strings.Contains(err.Error(), one) {
			t.Errorf("the message %q lacks %q", err, one)
		}
	}
	gt.Spec.Config = ""
	for i := range 15 {
		gt.Spec.Config += fmt.Sprintf("key%d = 1\n", i)
	}
	gt.Spec.ServerDNSNames, gt.Annotations = nil, nil
	if _, err := NewTenant(gt, testPlatform(t)); err == nil || !strings.Contains(err.Error(), " more)") {
		t.Errorf("the message %q does not count what it has no room for", err)
	}
}
