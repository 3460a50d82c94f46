package gatewaytoml

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// format is a rule about a string. Want completes the sentence "It must be".
type format struct {
	want  string
	valid func(string) bool
}

// formats are the formats that the schema names. Each accepts what gateways accept when they start.
var formats = map[string]format{
	"nonblank":           {"a text that is not blank", notBlank},
	"trimmed":            {"a text that is not blank, without white space around it", isTrimmed},
	"url":                {"a URL that begins with http:// or https://", func(text string) bool { return parseURL(text, "http", "https") != nil }},
	"early-endpoint":     {"a URL with a host, or unix:// with the path of a socket below " + VolumePath + ": nothing can listen on other sockets of the gateway's container", isEarlyEndpoint},
	"endpoint":           {"a URL that begins with http:// or https://, or unix:// with the path of a socket below " + VolumePath + ": nothing can listen on other sockets of the gateway's container", isEndpoint},
	"http-endpoint":      {"a URL that begins with http:// or https://", isHTTPEndpoint},
	"https-url":          {"a URL that begins with https://, without credentials, query or fragment", isHTTPSURL},
	"https-origin":       {"an origin, such as https://keys.example.com, without credentials, path, query or fragment", isHTTPSOrigin},
	"proxy":              {"http://host:port, without credentials, path, query or fragment", func(text string) bool { return isProxyURL(text, "http") }},
	"any-proxy":          {"http://host:port or https://host:port, without credentials, path, query or fragment", func(text string) bool { return isProxyURL(text, "http", "https") }},
	"vault-address":      {"a URL that begins with http:// or https://, without credentials, query or fragment", isVaultAddress},
	"vault-https":        {"a URL that begins with https://, without credentials, query or fragment", isHTTPSURL},
	"vault-path":         {"a relative path of at most 1024 letters, digits, '-', '_', '.' and '/', without empty parts and parts that are . or ..", isVaultPath},
	"timeout":            {`a whole number of milliseconds or seconds above 0, such as "500ms" or "2s"`, func(text string) bool { return milliseconds(text) > 0 }},
	"middleware-timeout": {`from "10ms" to "30s"`, isMiddlewareTimeout},
	"middleware-name":    {"1 to 128 letters, digits, '.', '_', '-' and '/', and not begin with openshell/", isMiddlewareName},
	"app-armor":          {"RuntimeDefault, Unconfined, Localhost/ with the name of a profile, or empty", isAppArmorProfile},
	"spiffe-socket":      {"the absolute path of a socket in a directory below /, or empty", isSPIFFESocket},
	"socket":             {"the path of a socket below " + VolumePath + ": nothing can listen on other sockets of the gateway's container", isVolumeFile},
	"file":               {"the absolute path of a file", isFile},
	"ca-file":            {"the path of a file with certificates in the gateway's container: below " + strings.Join(caDirectories, ", ") + ", or " + strings.Join(caFiles, " or "), isCAFile},
	"log-file":           {"the path of a file below " + VolumePath + ", the only place in the gateway's container that can be written, and not that of its database or key, or above them", isLogFile},
	"pod-key":            {"the key of a label or annotation without a domain: keys with a domain decide about networks, service meshes and rights of pods", isPodKey},
	"secret-name":        {"the name of a Secret", func(text string) bool { return len(text) <= 253 && secretName.MatchString(text) }},
	"secret-key":         {"the name of a key of a Secret", isSecretKey},
}

var (
	secretName     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$`)
	secretKey      = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)
	middlewareName = regexp.MustCompile(`^[-._/a-zA-Z0-9]{1,128}$`)
	vaultPart      = regexp.MustCompile(`^[-._a-zA-Z0-9]+$`)
	urlHost        = regexp.MustCompile(`^[\pL\pM\pN._~!$&'()*+,;=-]+$`)
	duration       = regexp.MustCompile(`^\+?([0-9]+)(m?s)$`)
)

// caFiles are the files of certificates that are mounted in the gateway's container, and caDirectories those that a gateway
// image may have.
var (
	caFiles = []string{
		clientCAPath + "/ca.crt", serverTLSPath + "/ca.crt", serverTLSPath + "/tls.crt", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
	}
	caDirectories = []string{VolumePath, "/etc/ssl/certs", "/etc/pki", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates"}
)

func notBlank(text string) bool { return strings.TrimSpace(text) != "" }

func isTrimmed(text string) bool { return text != "" && strings.TrimSpace(text) == text }

// parseURL returns a URL with a host and one of the schemes, or nil.
func parseURL(text string, schemes ...string) *url.URL {
	parsed, err := url.Parse(text)
	if err != nil || !slices.Contains(schemes, parsed.Scheme) || !isHost(parsed.Host, parsed.Hostname()) {
		return nil
	}
	if port := parsed.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil
		}
	}
	return parsed
}

// isHost reports whether a host is a name or an address. A name whose last part is a number must be an IPv4 address.
func isHost(host, name string) bool {
	if strings.HasPrefix(host, "[") {
		address, err := netip.ParseAddr(name)
		return err == nil && address.Is6() && address.Zone() == ""
	}
	if !urlHost.MatchString(name) {
		return false
	}
	last := strings.TrimSuffix(name, ".")
	last = last[strings.LastIndexByte(last, '.')+1:]
	if _, err := strconv.ParseUint(last, 10, 64); err != nil {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(name, "."))
	return err == nil
}

// isHTTPEndpoint accepts the URL of a gRPC service.
func isHTTPEndpoint(text string) bool {
	return (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")) && isPlainURL(text)
}

// isPlainURL accepts a URL without white space and letters that are not of ASCII.
func isPlainURL(text string) bool {
	plain := !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
	scheme, _, is := strings.Cut(text, "://")
	return plain && is && parseURL(text, strings.ToLower(scheme)) != nil
}

// isEndpoint accepts the endpoint of an interceptor.
func isEndpoint(text string) bool {
	text = strings.TrimSpace(text)
	if socket, is := strings.CutPrefix(text, "unix://"); is {
		return isVolumeFile(socket)
	}
	return isHTTPEndpoint(text)
}

// isEarlyEndpoint accepts other schemes, too: gateways before 0.0.107 connect to any without TLS, except https.
func isEarlyEndpoint(text string) bool {
	return isEndpoint(text) || !strings.HasPrefix(strings.TrimSpace(text), "unix:") && isPlainURL(strings.TrimSpace(text))
}

func isProxyURL(text string, schemes ...string) bool {
	parsed := parseURL(strings.TrimSpace(text), schemes...)
	if parsed == nil || hasCredentials(parsed) || strings.ContainsAny(text, "?#") || parsed.Path != "" && parsed.Path != "/" {
		return false
	}
	port, err := strconv.Atoi(parsed.Port())
	return err == nil && port > 0
}

func isVaultAddress(text string) bool {
	parsed := parseURL(text, "http", "https")
	return isTrimmed(text) && parsed != nil && !hasCredentials(parsed) && !strings.ContainsAny(text, "?#")
}

func hasCredentials(parsed *url.URL) bool { return parsed.User.String() != "" }

func isVaultPath(text string) bool {
	if len(text) > 1024 {
		return false
	}
	return !slices.ContainsFunc(strings.Split(text, "/"), func(part string) bool {
		return part == "." || part == ".." || !vaultPart.MatchString(part)
	})
}

// milliseconds returns a duration, -1 if the text is not one. One that is too large for a gateway's own type is not one either.
func milliseconds(text string) int64 {
	found := duration.FindStringSubmatch(strings.TrimSpace(text))
	if found == nil {
		return -1
	}
	number, err := strconv.ParseUint(found[1], 10, 64)
	switch {
	case err != nil:
		return -1
	case found[2] == "s":
		return int64(min(number, 1<<50)) * 1000 //nolint:gosec // it is small enough
	}
	return int64(min(number, 1<<60)) //nolint:gosec // it is small enough
}

// isMiddlewareTimeout accepts a blank text, too: it means the default.
func isMiddlewareTimeout(text string) bool {
	took := milliseconds(text)
	return !notBlank(text) || took >= 10 && took <= 30_000
}

func isMiddlewareName(text string) bool {
	return middlewareName.MatchString(text) && !strings.HasPrefix(text, "openshell/")
}

func isAppArmorProfile(text string) bool {
	profile, local := strings.CutPrefix(text, "Localhost/")
	return text == "" || text == "RuntimeDefault" || text == "Unconfined" || local && profile != ""
}

// isSPIFFESocket accepts a blank text, too: it means none.
func isSPIFFESocket(text string) bool {
	parts := slices.DeleteFunc(strings.Split(text, "/"), func(part string) bool { return part == "" || part == "." })
	return !notBlank(text) || isTrimmed(text) && path.IsAbs(text) && len(parts) > 1
}

// isFile accepts the absolute path of a file. A path cannot be longer, and a directory is not a file.
func isFile(text string) bool {
	const longest, longestPart = 4095, 255
	parts := strings.Split(text, "/")
	tooLong := slices.ContainsFunc(parts, func(part string) bool { return len(part) > longestPart })
	last := parts[len(parts)-1]
	return path.IsAbs(text) && len(text) <= longest && !tooLong && !strings.Contains(text, "\x00") && last != "" && last != "." && last != ".."
}

func isVolumeFile(text string) bool {
	return isFile(text) && strings.HasPrefix(path.Clean(text), VolumePath+"/")
}

func isCAFile(text string) bool {
	file := path.Clean(text)
	return isFile(text) && (slices.Contains(caFiles, file) || slices.ContainsFunc(caDirectories, func(directory string) bool {
		return strings.HasPrefix(file, directory+"/")
	}))
}

func isSecretKey(text string) bool { return secretKey.MatchString(text) && text != "." && text != ".." }
