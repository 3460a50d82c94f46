package hostile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// still are the kinds of which nothing changes by itself.
var still = []string{
	"secrets", "serviceaccounts", "configmaps", "services", "persistentvolumeclaims", "apps/statefulsets", "apps/deployments", "batch/jobs", "networking.k8s.io/networkpolicies",
	"rbac.authorization.k8s.io/roles", "rbac.authorization.k8s.io/rolebindings", "rbac.authorization.k8s.io/clusterroles", "rbac.authorization.k8s.io/clusterrolebindings", "openshell.ambient-code.io/gatewaytenants",
}

// fleeting are kinds that come and go by themselves; an IPAddress does with a Service.
var fleeting = []string{"events", "events.k8s.io/events", "coordination.k8s.io/leases", "networking.k8s.io/ipaddresses"}

// outside is all there is in the cluster that is nobody's who attacks: by resource, namespace and name, which one it is.
func (p *place) outside(t *testing.T, attacking []string) map[string]string {
	t.Helper()
	there := map[string]string{}
	p.each(t, func(resource string, object metav1.PartialObjectMetadata) {
		namespace := object.Namespace
		if of, is := strings.CutPrefix(object.Name, manifests.NodeReaderPrefix); is && resource == "rbac.authorization.k8s.io/clusterrolebindings" {
			namespace = of
		}
		theirs := slices.Contains(attacking, namespace) || resource == "namespaces" && slices.Contains(attacking, object.Name)
		volume := resource == "persistentvolumes" && strings.HasPrefix(object.Name, "pvc-")                                   // of a claim, which is looked at
		finished := strings.HasPrefix(object.Name, manifests.CertgenName) && (resource == "pods" || resource == "batch/jobs") // goes after a time
		if theirs || volume || finished || slices.Contains(fleeting, resource) {
			return
		}
		which := string(object.UID)
		if slices.Contains(still, resource) && object.Name != "platform-config-status" {
			which += " in version " + object.ResourceVersion
		}
		there[fmt.Sprintf("%s %s/%s", resource, object.Namespace, object.Name)] = which
	})
	return there
}

// each looks at every object in the cluster, as its administrator.
func (p *place) each(t *testing.T, look func(resource string, object metav1.PartialObjectMetadata)) {
	t.Helper()
	finder, err := discovery.NewDiscoveryClientForConfig(p.Config())
	if err != nil {
		t.Fatal(err)
	}
	reader, err := metadata.NewForConfig(p.Config())
	if err != nil {
		t.Fatal(err)
	}
	lists, err := finder.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") {
				continue
			}
			objects, err := reader.Resource(version.WithResource(resource.Name)).List(t.Context(), metav1.ListOptions{})
			if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
				continue
			} else if err != nil {
				t.Fatal(errors.Join(fmt.Errorf("listing %s", resource.Name), err))
			}
			for _, object := range objects.Items {
				look(strings.TrimPrefix(version.Group+"/"+resource.Name, "/"), object)
			}
		}
	}
}

// unharmed tells what there is of others' that was not there before, is gone or was changed, and what there is in the
// attackers' own namespaces that no tenant has.
func (p *place) unharmed(t *testing.T, before map[string]string, attacking []string) {
	t.Helper()
	after := p.outside(t, attacking)
	for object, which := range before {
		if after[object] != which {
			t.Errorf("%s was %s and is %q", object, which, after[object])
		}
	}
	for object, which := range after {
		if _, there := before[object]; !there {
			t.Errorf("%s is new: %s", object, which)
		}
	}
	looked := 0
	p.each(t, func(resource string, object metav1.PartialObjectMetadata) {
		if !slices.Contains(attacking, object.Namespace) {
			return
		}
		looked++
		if !hasTenant(resource, object.Name) {
			t.Errorf("%s %s/%s is nothing that a tenant has", resource, object.Namespace, object.Name)
		}
	})
	t.Logf("%d objects of others are as they were; %d are in the attackers' namespaces", len(before), looked)
}

// hasTenant tells whether a tenant's namespace has such an object.
func hasTenant(resource, name string) bool {
	if len(allowed[resource+"/"+name]) > 0 || slices.Contains(fleeting, resource) {
		return true
	}
	switch resource {
	case "secrets":
		return slices.Contains(manifests.SecretNames[:], name)
	case "serviceaccounts":
		return name == "default" || name == attacker
	case "configmaps":
		return name == "kube-root-ca.crt"
	case "rbac.authorization.k8s.io/rolebindings":
		return slices.Contains(attackerRoles, name)
	case "openshell.ambient-code.io/gatewaytenants":
		return name == v1alpha1.Name
	case "pods", "endpoints", "discovery.k8s.io/endpointslices", "apps/controllerrevisions":
		return strings.HasPrefix(name, manifests.GatewayName)
	}
	return false
}
