package hostile

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

const (
	certgenImage = "gatewaytenant-operator:latest"
	repository   = "ghcr.io/nvidia/"
)

// asked is all that a tenant ever asked for, noted before it is sent, and what it would have if it were harmless.
type asked struct {
	namespace string
	harmless  map[string][]map[string]any // by resource and name; more than one where the spec chooses between them

	mu                                                sync.Mutex
	images, names, rotations, clients, sizes, classes sets.Set[string]
}

// newAsked returns what a tenant has that asks for nothing. On a volume of a release before 0.0.88, it gets 0.0.87 instead of the default.
func newAsked(namespace string) *asked {
	a := &asked{
		namespace: namespace, harmless: map[string][]map[string]any{},
		images: sets.New(manifests.BuiltinImage, repository+"openshell/gateway:0.0.87"), rotations: sets.New[string](), clients: sets.New[string](), sizes: sets.New("1Gi"), classes: sets.New("devcluster"),
		names: sets.New(v1alpha1.Name+"."+namespace+".svc", v1alpha1.Name+"."+namespace+".svc.cluster.local"),
	}
	for _, tokens := range []v1alpha1.SandboxTokens{v1alpha1.SandboxTokensEnabled, v1alpha1.SandboxTokensDisabled} {
		if err := a.render(tokens); err != nil {
			panic(fmt.Sprintf("a harmless tenant: %v", err))
		}
	}
	return a
}

// note adds what a spec asks for, and the annotations beside it.
func (a *asked) note(spec v1alpha1.GatewayTenantSpec, annotations map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if spec.Image != "" {
		a.images.Insert(spec.Image)
	}
	for _, name := range spec.ServerDNSNames {
		if addr, err := netip.ParseAddr(name); err == nil {
			name = addr.String()
		}
		a.names.Insert(name)
	}
	for _, rotation := range []string{"tls", "ca", "tokens"} {
		if value := annotations["openshell.ambient-code.io/rotate-"+rotation]; value != "" {
			a.rotations.Insert(fmt.Sprintf("--rotate-%s=%s", rotation, value))
		}
	}
	a.clients.Insert(rulesOf(spec.Network))
	if size, err := resource.ParseQuantity(spec.Storage.Size); err == nil {
		a.sizes.Insert(size.String())
	}
	if class := spec.Storage.StorageClassName; class != "" {
		a.classes.Insert(class)
	}
}

// rulesOf returns the ingress rules for clients that a tenant asks for, as JSON.
func rulesOf(network v1alpha1.Network) string {
	rules := []networkingv1.NetworkPolicyIngressRule{}
	add := func(clients []v1alpha1.AllowedClient, ports ...int) {
		if len(clients) == 0 {
			return
		}
		rule := networkingv1.NetworkPolicyIngressRule{Ports: tcp(ports...)}
		for _, client := range clients {
			rule.From = append(rule.From, networkingv1.NetworkPolicyPeer{NamespaceSelector: client.NamespaceSelector, PodSelector: client.PodSelector})
		}
		rules = append(rules, rule)
	}
	switch {
	case network.MetricsClients == nil:
		add(network.AllowedClients, 8080, 9090)
	case network.AllowedClients == nil:
		rules = append(rules, networkingv1.NetworkPolicyIngressRule{Ports: tcp(8080)})
	default:
		add(network.AllowedClients, 8080)
	}
	add(network.MetricsClients, 9090)
	text, err := json.Marshal(rules)
	if err != nil {
		panic(err) // strings: cannot fail
	}
	return string(text)
}

func tcp(ports ...int) []networkingv1.NetworkPolicyPort {
	var all []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		all = append(all, networkingv1.NetworkPolicyPort{Protocol: new(corev1.ProtocolTCP), Port: new(intstr.FromInt(port))})
	}
	return all
}

// render adds the objects of a tenant that asks for nothing but tokens.
func (a *asked) render(tokens v1alpha1.SandboxTokens) error {
	platform, err := manifests.NewPlatform("", certgenImage, []string{repository}, certificates.DefaultLifetimes.Args()...)
	if err != nil {
		return err
	}
	tenant, err := manifests.NewTenant(&v1alpha1.GatewayTenant{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: v1alpha1.Name, UID: anyUID},
		Spec:       v1alpha1.GatewayTenantSpec{SandboxTokens: tokens, Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{}}}}},
	}, platform)
	if err != nil {
		return err
	}
	objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: anyUID, TokenKey: "0123456789abcdef0123456789abcdef"})
	if err != nil {
		return err
	}
	for _, object := range append(append([]*unstructured.Unstructured{}, objects.Foundation...), objects.Certgen, objects.Gateway) {
		key := resourceOf(object) + "/" + object.GetName()
		leveled, err := a.leveledObject(key, object)
		if err != nil {
			return err
		}
		a.harmless[key] = append(a.harmless[key], leveled)
	}
	return nil
}

// resourceOf is an object's resource, with its group.
func resourceOf(object *unstructured.Unstructured) string {
	kind := object.GroupVersionKind()
	plural := strings.TrimSuffix(strings.ToLower(kind.Kind), "y")
	if plural == strings.ToLower(kind.Kind) {
		plural += "s"
	} else {
		plural += "ies"
	}
	return strings.TrimPrefix(kind.Group+"/"+plural, "/")
}

const anyUID = "00000000-0000-0000-0000-000000000000"
