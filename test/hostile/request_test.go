package hostile

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// write is a request that changes something.
type write struct {
	method, content string // the content's type
	target
	body []byte
}

// target is what a URL names.
type target struct {
	namespace, resource, name, subresource string // the resource with its group, as in apps/statefulsets
}

func (t target) String() string {
	return strings.Trim(t.namespace+"/"+t.resource+"/"+t.name+"/"+t.subresource, "/")
}

// targetOf reads a URL of the API server's. One that can be read in two ways is an error.
func targetOf(u *url.URL) (target, error) {
	if u.EscapedPath() != u.Path || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/.") {
		return target{}, fmt.Errorf("the path %q is not a plain one", u.EscapedPath())
	}
	for key := range u.Query() {
		if !slices.Contains([]string{"fieldManager", "force", "fieldValidation", "timeout"}, key) {
			return target{}, fmt.Errorf("the parameter %q is not one of the operator's", key)
		}
	}
	steps := strings.Split(strings.Trim(u.Path, "/"), "/")
	group := ""
	switch {
	case len(steps) > 2 && steps[0] == "api":
		steps = steps[2:]
	case len(steps) > 3 && steps[0] == "apis":
		group, steps = steps[1]+"/", steps[3:]
	default:
		return target{}, fmt.Errorf("the path %q is of no object", u.Path)
	}
	var t target
	if steps[0] == "namespaces" && len(steps) > 2 {
		t.namespace, steps = steps[1], steps[2:]
	}
	if len(steps) > 3 {
		return target{}, fmt.Errorf("the path %q is too long", u.Path)
	}
	steps = append(steps, "", "")
	t.resource, t.name, t.subresource = group+steps[0], steps[1], steps[2]
	return t, nil
}

// allowed are the requests that the operator may make for a tenant, in the tenant's namespace: by resource and name, the
// methods. All else is somebody else's.
var allowed = map[string][]string{
	"serviceaccounts/" + manifests.GatewayName:                              {http.MethodPatch},
	"serviceaccounts/" + manifests.SandboxName:                              {http.MethodPatch},
	"serviceaccounts/" + manifests.CertgenName:                              {http.MethodPatch},
	"configmaps/" + manifests.ConfigName:                                    {http.MethodPatch},
	"persistentvolumeclaims/" + manifests.ClaimName:                         {http.MethodPatch},
	"services/" + manifests.GatewayName:                                     {http.MethodPatch},
	"pods/" + manifests.PodName:                                             {http.MethodDelete},
	"apps/statefulsets/" + manifests.GatewayName:                            {http.MethodPatch},
	"batch/jobs/" + manifests.CertgenName:                                   {http.MethodPatch, http.MethodDelete},
	"networking.k8s.io/networkpolicies/" + manifests.SandboxSSHName:         {http.MethodPatch},
	"networking.k8s.io/networkpolicies/" + manifests.SandboxSSHLabelName:    {http.MethodPatch},
	"networking.k8s.io/networkpolicies/" + manifests.ClientsName:            {http.MethodPatch, http.MethodDelete},
	"rbac.authorization.k8s.io/rolebindings/" + manifests.SandboxName:       {http.MethodPatch},
	"rbac.authorization.k8s.io/rolebindings/" + manifests.CertgenName:       {http.MethodPatch},
	"openshell.ambient-code.io/gatewaytenants/" + v1alpha1.Name + "/status": {http.MethodPatch},
	"events.k8s.io/events/":                                                 {http.MethodPost},
}

// allowedForItself are those that it may make in the platform's namespace.
var allowedForItself = map[string][]string{
	"coordination.k8s.io/leases/":                       {http.MethodPost},
	"coordination.k8s.io/leases/gatewaytenant-operator": {http.MethodPut},
	"configmaps/platform-config-status":                 {http.MethodPatch},
	"events.k8s.io/events/":                             {http.MethodPost},
	"events/":                                           {http.MethodPost},
}

// mayBe tells whether a request is one of those.
func mayBe(table map[string][]string, w write) bool {
	name := strings.TrimSuffix(w.resource+"/"+w.name+"/"+w.subresource, "/")
	if w.resource == "events.k8s.io/events" && w.method == http.MethodPatch { // an event that comes again
		return w.subresource == "" && (strings.HasPrefix(w.name, v1alpha1.Name+".") || strings.HasPrefix(w.name, "platform-config."))
	}
	return slices.Contains(table[name], w.method)
}
