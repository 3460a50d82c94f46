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
			return fmt.Errorf("gateway_id '%s' cannot be part of a namespace's name", id)
		case len("openshell--")+len(id)+19 > 63:
			return fmt.Errorf("namespaces' names have no room for gateway_id '%s'", id)
		case ingress.Enabled && ingress.Namespace == "":
			return errors.New("managed_ssh_ingress has no gateway_namespace")
		case ingress.Enabled && len(ingress.Selector) == 0:
			return errors.New("managed_ssh_ingress has no gateway_pod_selector")
		}
	case "operator":
		if (k.NamespaceLabel == nil) == (k.NamespaceFile == nil) {
			return errors.New("the mode operator needs one source of namespaces")
		}
		if k.NamespaceLabel != nil && *k.NamespaceLabel == "" || k.NamespaceFile != nil && *k.NamespaceFile == "" {
			return errors.New("the source of namespaces is empty")
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
		return errors.New("no_proxy has no proxy that it could apply to")
	case (k.ProxySecretName == nil) != (k.ProxySecretKey == nil):
		return errors.New("the Secret with the proxy's credentials or its key is not set")
	case !secret && insecure:
		return errors.New("proxy_auth_allow_insecure has no credentials that it could apply to")
	case secret && k.HTTPSProxy == nil:
		return errors.New("there are credentials and no proxy")
	case secret && !insecure:
		return errors.New("the proxy's credentials would be sent without encryption, which proxy_auth_allow_insecure does not allow")
	case secret && k.Topology != "sidecar":
		return errors.New("the topology would show the proxy's credentials to the sandbox")
	case k.ConnectByHostname != nil && k.HTTPSProxy == nil:
		return errors.New("proxy_connect_by_hostname has no proxy that it could apply to")
	}
	return nil
}
