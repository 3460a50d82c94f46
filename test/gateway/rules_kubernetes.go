package gateway

import (
	"errors"
	"fmt"
	"regexp"
)

var labelPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// workspaces refuses a workspace mode without what it needs.
func (k kubernetes) workspaces(Release) error {
	switch k.Mode {
	case "managed":
		id := "openshell"
		if k.GatewayID != nil {
			id = *k.GatewayID
		}
		ingress := k.ManagedSSHIngress
		switch {
		case !labelPattern.MatchString(id):
			return fmt.Errorf("gateway_id '%s' is not a valid DNS-1123 label", id)
		case len("openshell--")+len(id)+19 > 63:
			return fmt.Errorf("gateway_id '%s' is too long for managed mode", id)
		case ingress.Enabled && ingress.Namespace == "":
			return errors.New("managed SSH ingress isolation requires gateway_namespace")
		case ingress.Enabled && len(ingress.Selector) == 0:
			return errors.New("managed SSH ingress isolation requires gateway_pod_selector")
		}
	case "operator":
		if (k.NamespaceLabel == nil) == (k.NamespaceFile == nil) {
			return errors.New("operator workspace mode requires exactly one of operator_namespace_label or operator_namespace_file")
		}
		if k.NamespaceLabel != nil && *k.NamespaceLabel == "" || k.NamespaceFile != nil && *k.NamespaceFile == "" {
			return errors.New("operator_namespace_label and operator_namespace_file must not be empty when set")
		}
	}
	return nil
}

// proxy refuses the settings of an upstream proxy without their companions.
func (k kubernetes) proxy(Release) error {
	insecure := k.ProxyAllowInsecure != nil && *k.ProxyAllowInsecure
	secret := k.ProxySecretName != nil && k.ProxySecretKey != nil
	switch {
	case k.NoProxy != nil && k.HTTPSProxy == nil:
		return errors.New("no_proxy is set but no https_proxy is configured")
	case (k.ProxySecretName == nil) != (k.ProxySecretKey == nil):
		return errors.New("proxy_auth_secret_name and proxy_auth_secret_key must be set together")
	case !secret && insecure:
		return errors.New("proxy_auth_allow_insecure is set but no proxy credential Secret is configured")
	case secret && k.HTTPSProxy == nil:
		return errors.New("proxy credential Secret is set but no https_proxy is configured")
	case secret && !insecure:
		return errors.New("proxy credentials use cleartext Basic auth over the connection to the http:// proxy; " +
			"set proxy_auth_allow_insecure = true to accept that exposure, or remove the credential Secret")
	case secret && k.Topology != "sidecar":
		return errors.New("proxy credential Secrets require topology = \"sidecar\"")
	case k.ConnectByHostname != nil && k.HTTPSProxy == nil:
		return errors.New("proxy_connect_by_hostname is set but no https_proxy is configured")
	}
	return nil
}
