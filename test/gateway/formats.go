package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
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
		return fmt.Errorf("'%s' is not a number of s or ms", s)
	}
	return nil
}

var identifierPattern = regexp.MustCompile(`^[A-Za-z0-9._/-]{1,128}$`)

// identifier accepts the name of a supervisor middleware.
func identifier(s string) error {
	if !identifierPattern.MatchString(s) {
		return fmt.Errorf("middleware cannot be named '%s'", s)
	}
	if strings.HasPrefix(s, "openshell/") {
		return fmt.Errorf("the name '%s' is reserved", s)
	}
	return nil
}

func webEndpoint(s string) error {
	if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
		return errors.New("grpc_endpoint is not an http or https URL")
	}
	return nil
}

// proxyURL returns a check that accepts scheme://host:port with one of the schemes, and nothing else.
func proxyURL(schemes ...string) func(string) error {
	return func(s string) error {
		u, err := url.Parse(strings.TrimSpace(s))
		switch {
		case err != nil:
			return fmt.Errorf("https_proxy is not a valid URL: %w", err)
		case !slices.Contains(schemes, strings.ToLower(u.Scheme)) || u.Host == "":
			return fmt.Errorf("https_proxy is not an %s URL", strings.Join(schemes, " or "))
		case u.User != nil:
			return errors.New("https_proxy contains credentials")
		case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
			return errors.New("https_proxy is more than a host and a port")
		}
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return errors.New("https_proxy has no port")
		}
		return nil
	}
}

var (
	secretNamePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	secretKeyPattern  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`)
)

func secretName(s string) error {
	if len(s) > 253 || !secretNamePattern.MatchString(s) {
		return errors.New("proxy_auth_secret_name cannot be the name of a Secret")
	}
	return nil
}

func secretKey(s string) error {
	if !secretKeyPattern.MatchString(s) || s == "." || s == ".." {
		return errors.New("proxy_auth_secret_key cannot be a key of a Secret")
	}
	return nil
}

var driverNamePattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// driverName accepts the name of a compute driver.
func driverName(s string) error {
	if !driverNamePattern.MatchString(s) {
		return fmt.Errorf("compute_driver cannot be '%s'", s)
	}
	return nil
}

// origin accepts https://host:port and https://host.
func origin(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("'%s' is not an HTTPS origin", s)
	}
	return nil
}
