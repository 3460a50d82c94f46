package hostile

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// says is told what is wrong.
type says func(format string, args ...any)

// level takes out of an object what differs between tenants, after it has looked whether each is what this tenant asked
// for. The object is changed.
func (a *asked) level(key string, object map[string]any, say says) map[string]any {
	owner := levelMetadata(object, say)
	switch key {
	case "apps/statefulsets/" + manifests.GatewayName:
		a.statefulSet(object, say)
	case "batch/jobs/" + manifests.CertgenName:
		a.job(object, owner, say)
	case "configmaps/" + manifests.ConfigName:
		a.config(object, say)
	case "networking.k8s.io/networkpolicies/" + manifests.ClientsName:
		a.clientsPolicy(object, say)
	case "persistentvolumeclaims/" + manifests.ClaimName:
		a.claim(object, say)
	}
	return object
}

// Annotations that the operator computes, whatever the tenant says.
var (
	computed = map[string]*regexp.Regexp{
		"openshell.ambient-code.io/applied-hash": aHash, "openshell.ambient-code.io/asked-hash": aHash, "openshell.ambient-code.io/wish": aHash,
		"openshell.ambient-code.io/rollout": regexp.MustCompile(`^platform$`), "openshell.ambient-code.io/highest-version": regexp.MustCompile(`^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$`),
		"openshell.ambient-code.io/key-encryption-key-path":    regexp.MustCompile(`^/var/openshell/(credentials/)?key-encryption-key\.bin$`),
		"openshell.ambient-code.io/supervisor-sideload-method": regexp.MustCompile(`^init-container$`),
	}
	computedForPod = map[string]*regexp.Regexp{"openshell.ambient-code.io/config-hash": aHash, "openshell.ambient-code.io/token-key": regexp.MustCompile(`^[0-9a-f]{32}$`)}
	aUID           = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	aHash          = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// levelMetadata takes out hashes and uids, and returns the owner's uid.
func levelMetadata(object map[string]any, say says) (owned string) {
	takeAnnotations(object, say, computed, "metadata")
	if uid, there, _ := unstructured.NestedString(object, "metadata", "uid"); there { // of the object that is meant to be changed
		if !aUID.MatchString(uid) {
			say("its uid is %q", uid)
		}
		unstructured.RemoveNestedField(object, "metadata", "uid")
	}
	owners, _, _ := unstructured.NestedSlice(object, "metadata", "ownerReferences")
	for _, owner := range owners {
		if owned, _ = owner.(map[string]any)["uid"].(string); !aUID.MatchString(owned) {
			say("an owner's uid is %q", owned)
		}
		owner.(map[string]any)["uid"] = anyUID
	}
	if len(owners) > 0 {
		_ = unstructured.SetNestedSlice(object, owners, "metadata", "ownerReferences") // it was there
	}
	return owned
}

// takeAnnotations takes annotations out that the operator computes. Others stay, and are no harmless tenant's.
func takeAnnotations(object map[string]any, say says, patterns map[string]*regexp.Regexp, path ...string) {
	metadata, _, _ := unstructured.NestedFieldNoCopy(object, path...)
	of, _ := metadata.(map[string]any)
	annotations, _ := of["annotations"].(map[string]any)
	for name, pattern := range patterns {
		if value, there := annotations[name]; there {
			if text, _ := value.(string); !pattern.MatchString(text) {
				say("the annotation %s is %q", name, value)
			}
			delete(annotations, name)
		}
	}
	if len(annotations) == 0 {
		delete(of, "annotations")
	}
}

func (a *asked) statefulSet(object map[string]any, say says) {
	takeAnnotations(object, say, computedForPod, "spec", "template", "metadata")
	container := onlyContainer(object, say)
	image, _ := container["image"].(string)
	if !a.images.Has(image) || !strings.HasPrefix(image, repository) || strings.ContainsAny(image, " \t\r\n\x00") {
		say("the image is %q", image)
	}
	delete(container, "image")
}

// onlyContainer is the one container of a pod template, to be changed in place.
func onlyContainer(object map[string]any, say says) map[string]any {
	containers, _, _ := unstructured.NestedFieldNoCopy(object, "spec", "template", "spec", "containers")
	list, _ := containers.([]any)
	if len(list) != 1 {
		say("the pod has %d containers", len(list))
		return map[string]any{}
	}
	container, _ := list[0].(map[string]any)
	return container
}

// fixedFlags are certgen's flags that no tenant has a say in.
var fixedFlags = regexp.MustCompile(`^--(leaf-lifetime|ca-lifetime|ca-overlap|trust-delay)=[0-9hms.]+$`)

func (a *asked) job(object map[string]any, owner string, say says) {
	container := onlyContainer(object, say)
	if image := container["image"]; image != certgenImage {
		say("certgen's image is %q", image)
	}
	if command := container["command"]; !reflect.DeepEqual(command, []any{"/certgen"}) {
		say("certgen's command is %q", command)
	}
	args, _ := container["args"].([]any)
	seen := map[string]bool{}
	for _, arg := range args {
		text, _ := arg.(string)
		name, is := strings.CutPrefix(text, "--server-san=")
		switch {
		case seen[text]:
			say("the argument %q is there twice", text)
		case is && a.names.Has(name), a.rotations.Has(text), fixedFlags.MatchString(text), text == "--namespace="+a.namespace, text == "--owner-uid="+owner:
		default:
			say("nobody asked for the argument %q", text)
		}
		seen[text] = true
	}
	if !seen["--namespace="+a.namespace] {
		say("certgen is not told its namespace")
	}
	delete(container, "args")
}

func (a *asked) clientsPolicy(object map[string]any, say says) {
	ingress, _, _ := unstructured.NestedFieldNoCopy(object, "spec", "ingress")
	rules, _ := ingress.([]any)
	if len(rules) == 0 {
		say("there is no rule for sandboxes")
		return
	}
	text, err := json.Marshal(rules[1:]) // the clients'
	var typed []networkingv1.NetworkPolicyIngressRule
	if err == nil {
		err = json.Unmarshal(text, &typed)
	}
	again, _ := json.Marshal(typed)
	if err != nil || !a.clients.Has(string(again)) {
		say("nobody asked for the clients %s", text)
	}
	if err := unstructured.SetNestedSlice(object, rules[:1], "spec", "ingress"); err != nil {
		say("the rules cannot be set: %v", err)
	}
}

func (a *asked) claim(object map[string]any, say says) {
	ownID := regexp.MustCompile("^" + regexp.QuoteMeta(a.namespace) + "$")
	takeAnnotations(object, say, map[string]*regexp.Regexp{"openshell.ambient-code.io/gateway-id": ownID}, "metadata")
	spec, _, _ := unstructured.NestedFieldNoCopy(object, "spec")
	of, _ := spec.(map[string]any)
	if class, there := of["storageClassName"]; there {
		if name, _ := class.(string); !a.classes.Has(name) {
			say("the storage class is %q", class)
		}
		delete(of, "storageClassName")
	}
	resources, _ := of["resources"].(map[string]any)
	requests, _ := resources["requests"].(map[string]any)
	storage, _ := requests["storage"].(string)
	if size, err := resource.ParseQuantity(storage); err != nil || !a.sizes.Has(size.String()) {
		say("the size is %q", storage)
	}
	delete(requests, "storage")
	owners, _, _ := unstructured.NestedSlice(object, "metadata", "ownerReferences")
	if len(owners) > 0 { // if it goes with the tenant
		if owner := owners[0].(map[string]any); len(owners) != 1 || owner["kind"] != "GatewayTenant" || owner["name"] != manifests.GatewayName {
			say("the claim's owners are %v", owners)
		}
		unstructured.RemoveNestedField(object, "metadata", "ownerReferences")
	}
}
