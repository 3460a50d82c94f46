package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	corev1 "k8s.io/api/core/v1"
)

// unreadyError is why a gateway starts and never becomes ready.
type unreadyError struct{ error }

// settings are the parts of a gateway.toml that decide whether a gateway of any version starts where it is.
type settings struct {
	OpenShell struct {
		Gateway struct {
			BindAddress    string                 `toml:"bind_address"`
			HealthAddress  string                 `toml:"health_bind_address"`
			MetricsAddress string                 `toml:"metrics_bind_address"`
			DatabaseURL    *string                `toml:"database_url"`
			TLS            map[string]any         `toml:"tls"`
			Tokens         map[string]any         `toml:"gateway_jwt"`
			MTLS           struct{ Enabled bool } `toml:"mtls_auth"`

			CredentialStorage struct {
				KeyPath string `toml:"key_encryption_key_path"`
			} `toml:"credential_storage"`
		} `toml:"gateway"`
		Drivers map[string]any `toml:"drivers"`
	} `toml:"openshell"`
}

// checkStart says why a gateway with these files would not start, or not become ready: an unreadyError.
func checkStart(pod *corev1.Pod, files map[string][]byte) error {
	file := configFile(pod.Spec.Containers[0].Args)
	text, there := files[file]
	if !there {
		return fmt.Errorf("cannot read %s: No such file or directory (os error 2)", file)
	}
	var raw map[string]any
	if err := toml.Unmarshal(text, &raw); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for key := range raw {
		if key != "openshell" {
			return fmt.Errorf("%s: unknown field `%s`, expected `openshell`", file, key)
		}
	}
	var s settings
	if err := toml.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := s.contradictions(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := s.paths(files); err != nil {
		return err
	}
	return s.ports()
}

// configFile is the file that --config names.
func configFile(args []string) string {
	if i := slices.Index(args, "--config"); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// contradictions are refused by the gateway before it listens.
func (s settings) contradictions() error {
	gateway := s.OpenShell.Gateway
	_, kubernetes := s.OpenShell.Drivers["kubernetes"]
	switch {
	case gateway.DatabaseURL != nil:
		return errors.New("database_url must be given by --db-url or OPENSHELL_DB_URL")
	case gateway.Tokens != nil && !kubernetes:
		return errors.New("gateway_jwt needs the table openshell.drivers.kubernetes")
	case gateway.MTLS.Enabled && kubernetes:
		return errors.New("mtls_auth cannot be used with the kubernetes driver")
	}
	return nil
}

// paths must be those of files that are mounted.
func (s settings) paths(files map[string][]byte) error {
	for _, table := range []map[string]any{s.OpenShell.Gateway.TLS, s.OpenShell.Gateway.Tokens} {
		for key, value := range table {
			name, isText := value.(string)
			if !isText || !strings.HasSuffix(key, "_path") {
				continue
			}
			if _, there := files[name]; !there {
				return fmt.Errorf("%s: cannot read %s: No such file or directory (os error 2)", key, name)
			}
		}
	}
	return nil
}

// ports must differ, and those of clients and probes must be reached from outside the pod.
func (s settings) ports() error {
	gateway := s.OpenShell.Gateway
	seen := map[string]bool{}
	for _, address := range []string{gateway.BindAddress, gateway.HealthAddress, gateway.MetricsAddress} {
		if address == "" {
			continue
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("invalid socket address syntax: %s", address)
		}
		if seen[port] {
			return fmt.Errorf("two listeners on port %s", port)
		}
		seen[port] = true
	}
	if host, port, _ := net.SplitHostPort(gateway.HealthAddress); loopback(host) || port != "8081" {
		return unreadyError{errors.New("connect: connection refused")}
	}
	if host, port, _ := net.SplitHostPort(gateway.BindAddress); loopback(host) || port != "8080" {
		return unreadyError{errors.New("nobody can reach it: it listens on " + gateway.BindAddress)}
	}
	return nil
}

// loopback is also what the gateway listens on when it is told nothing.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || ip != nil && ip.IsLoopback()
}
