package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// duration accepts an integer with the suffix ms or s.
func duration(s string) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(s), "ms")
	if !ok {
		number, ok = strings.CutSuffix(strings.TrimSpace(s), "s")
	}
	if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil {
		return fmt.Errorf("invalid timeout '%s'; expected suffix ms or s", s)
	}
	return nil
}

var identifierPattern = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,128}$`)

// identifier accepts the name of a supervisor middleware.
func identifier(s string) error {
	if !identifierPattern.MatchString(s) {
		return fmt.Errorf("supervisor middleware registration names must contain only ASCII letters, digits, '.', '_', '-', or '/'; got '%s'", s)
	}
	if strings.HasPrefix(s, "openshell/") {
		return fmt.Errorf("middleware registration '%s' cannot claim the reserved openshell/ namespace", s)
	}
	return nil
}

func webEndpoint(s string) error {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return errors.New("grpc_endpoint must use http:// or https://")
	}
	return nil
}

// proxyURL accepts http://host:port and nothing else.
func proxyURL(s string) error {
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil:
		return fmt.Errorf("https_proxy is not a valid URL: %w", err)
	case !strings.EqualFold(u.Scheme, "http") || u.Host == "":
		return errors.New("https_proxy must be an http:// URL with a host")
	case u.User != nil:
		return errors.New("https_proxy must not embed credentials in the URL; supply them through proxy_auth_secret_name and proxy_auth_secret_key")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return errors.New("https_proxy must not have a path, a query or a fragment")
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
		return errors.New("https_proxy must have an explicit port")
	}
	return nil
}

var (
	secretNamePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	secretKeyPattern  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`)
)

func secretName(s string) error {
	if len(s) > 253 || !secretNamePattern.MatchString(s) {
		return errors.New("proxy_auth_secret_name must be a valid Kubernetes DNS-1123 subdomain")
	}
	return nil
}

func secretKey(s string) error {
	if !secretKeyPattern.MatchString(s) || s == "." || s == ".." {
		return errors.New("proxy_auth_secret_key must contain only letters, digits, '.', '-', or '_'")
	}
	return nil
}
