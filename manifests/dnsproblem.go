package manifests

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/ambient-code/gatewaytenant-operator/manifests/message"
)

// nameProblems describe why a name is neither a DNS name nor an address. Each returns an empty text if it does not apply. The first that
// applies is the cause: those that follow would be misleading, or apply to part of the name only.
var nameProblems = []func(name string) string{
	spaceProblem, schemeProblem, pathProblem, addressProblem, portProblem, wildcardProblem, dotProblem, caseProblem, lengthProblem, letterProblem, numberProblem,
}

// problemOfName returns why a name is neither a DNS name nor an IP address, and what to do.
func problemOfName(name string) string {
	for _, problem := range nameProblems {
		if text := problem(name); text != "" {
			return text
		}
	}
	return "is neither a DNS name nor an IP address; correct or remove it"
}

// instead suggests a name if it is valid, and otherwise gives general advice.
func instead(name, advice string) string {
	if isDNSName(name) || isAddress(name) {
		return fmt.Sprintf("write %q", message.TruncateMiddle(name))
	}
	return advice
}

func spaceProblem(name string) string {
	switch trimmed := strings.TrimSpace(name); {
	case trimmed == "":
		return "is empty; give a DNS name or an IP address, or remove it"
	case trimmed != name:
		return "has white space around it; " + instead(trimmed, "remove it")
	case strings.ContainsFunc(name, unicode.IsSpace), strings.Contains(name, ","):
		return "has white space or a comma in it; write each name as an item of its own"
	}
	return ""
}

func schemeProblem(name string) string {
	_, rest, is := strings.Cut(name, "://")
	if !is {
		return ""
	}
	host, _, _ := strings.Cut(rest, "/")
	return "is a URL; " + instead(withoutPort(host), "write only the name of the host")
}

func pathProblem(name string) string {
	host, _, is := strings.Cut(name, "/")
	if !is {
		return ""
	}
	return "has a path or is a range of addresses; " + instead(withoutPort(host), "write only a name or an address")
}

// withoutPort removes a port, and the brackets of an address.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") && (strings.Count(host, ":") == 1 || strings.Contains(host, "]:")) {
		host = host[:i]
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// addressProblem describes addresses in other forms than certificates have them.
func addressProblem(name string) string {
	if addr, err := netip.ParseAddr(name); err == nil {
		plain := addr.WithZone("").Unmap().String()
		if addr.Zone() != "" {
			return "is an address with a zone, which a certificate cannot have; " + instead(plain, "remove the zone")
		}
		return "is an IPv4 address in the form of IPv6; " + instead(plain, "write the IPv4 address")
	}
	if bare := withoutPort(name); strings.HasPrefix(name, "[") {
		return "has brackets; " + instead(bare, "write only the address")
	}
	if strings.Count(name, ":") > 1 {
		return "is not a valid IPv6 address; correct it"
	}
	return ""
}

func portProblem(name string) string {
	if !strings.Contains(name, ":") {
		return ""
	}
	return "has a port, and certificates are for names without one; " + instead(withoutPort(name), "remove the port")
}

func wildcardProblem(name string) string {
	rest := strings.TrimPrefix(name, "*.")
	switch {
	case name == "*":
		return "would match every name; write the domain, too, such as \"*.example.com\""
	case strings.Contains(rest, "*"):
		return "has a wildcard that is not its whole first label; write one such as \"*.example.com\", or each name in full"
	}
	return ""
}

func dotProblem(name string) string {
	switch trimmed := strings.Trim(name, "."); {
	case strings.HasSuffix(name, ".") && !strings.Contains(trimmed, ".."):
		return "ends with a dot, which names in certificates do not; " + instead(strings.ToLower(trimmed), "remove the dot")
	case strings.HasPrefix(name, ".") && isDNSName("*"+name):
		return fmt.Sprintf("begins with a dot; write %q for all names below the domain, or remove the dot", "*"+name)
	case strings.HasPrefix(name, "."):
		return "begins with a dot; remove the dot"
	case strings.Contains(name, ".."):
		return "has an empty label between two dots; remove one of the dots"
	}
	return ""
}

func caseProblem(name string) string {
	if lower := strings.ToLower(name); lower != name && isDNSName(lower) {
		return "has upper-case letters; " + instead(lower, "write it in lower case")
	}
	return ""
}

func lengthProblem(name string) string {
	if len(name) > 253 {
		return fmt.Sprintf("has %d characters, and a DNS name has at most 253; shorten it", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 {
			return fmt.Sprintf("has a label of %d characters (%q), and a label has at most 63; shorten it", len(label), message.TruncateMiddle(label))
		}
	}
	return ""
}

func letterProblem(name string) string {
	for _, letter := range strings.TrimPrefix(name, "*.") {
		switch {
		case letter == '_':
			return "has an underscore, which names in certificates cannot have; write a hyphen, or another name"
		case letter > unicode.MaxASCII:
			return fmt.Sprintf("has the character %q; write the name in its ASCII form, which begins with xn--", letter)
		case letter != '-' && letter != '.' && !unicode.IsLetter(letter) && !unicode.IsDigit(letter):
			return fmt.Sprintf("has the character %q; write letters a to z, digits, hyphens and dots", letter)
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return fmt.Sprintf("has a label that begins or ends with a hyphen (%q); remove the hyphen", label)
		}
	}
	return ""
}

func numberProblem(name string) string {
	if lastLabelNumeric.MatchString(name) {
		return "ends with a number, so that clients take it for an IPv4 address, and it is not a valid one; correct it"
	}
	return ""
}
