package apply

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// partOf returns the part that a field belongs to.
func partOf(path fieldpath.Path) part {
	if isField(path, 0, "spec") && isField(path, 1, "template") {
		return podTemplate
	}
	return otherValues
}

func isField(path fieldpath.Path, i int, name string) bool {
	return i < len(path) && path[i].FieldName != nil && *path[i].FieldName == name
}

// exactValues calls visit with the values to which no client may add anything, whichever manager owns the fields: what a
// NetworkPolicy and a binding say, which elements are in the lists of a pod template and of a Service, and what pods may do. The
// kind is found by the fields, because objects in a cache do not name it.
func exactValues(content map[string]any, visit func(part, any)) {
	spec, _ := content["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	pod, _ := template["spec"].(map[string]any)
	switch {
	case content["roleRef"] != nil:
		visit(otherValues, []any{content["roleRef"], content["subjects"]})
	case spec["podSelector"] != nil:
		visit(otherValues, spec)
	case pod != nil:
		visit(podTemplate, podElements(pod))
		visit(security, podSecurity(pod))
	case spec["ports"] != nil:
		visit(otherValues, keys(spec["ports"], "port", "protocol"))
	}
}

// podElements returns the keys of the elements in the lists of a pod.
func podElements(pod map[string]any) [][]string {
	all := [][]string{keys(pod["volumes"], "name")}
	for _, list := range []string{"initContainers", "containers"} {
		all = append(all, keys(pod[list], "name"))
		for _, container := range items(pod[list]) {
			all = append(all, keys(container["env"], "name"), keys(container["ports"], "containerPort", "protocol"), keys(container["volumeMounts"], "mountPath"))
		}
	}
	return all
}

// sharedNamespaces are the fields of a pod that make its containers share Linux namespaces with the node or with each other.
var sharedNamespaces = []string{"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"}

// podSecurity returns the security contexts in a pod, and what it shares with its node.
func podSecurity(pod map[string]any) []any {
	all := []any{pod["securityContext"]}
	for _, namespace := range sharedNamespaces {
		all = append(all, pod[namespace])
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range items(pod[list]) {
			if context := container["securityContext"]; context != nil {
				all = append(all, []any{container["name"], context})
			}
		}
	}
	return all
}

// items returns the elements of a list of objects.
func items(list any) []map[string]any {
	var all []map[string]any
	elements, _ := list.([]any)
	for _, element := range elements {
		if object, is := element.(map[string]any); is {
			all = append(all, object)
		}
	}
	return all
}

// keys returns the keys of a list's elements, sorted.
func keys(list any, fields ...string) []string {
	var all []string
	for _, item := range items(list) {
		var key []any
		for _, field := range fields {
			key = append(key, item[field])
		}
		all = append(all, fmt.Sprint(key...))
	}
	slices.Sort(all)
	return all
}

// isAdded returns a function that reports whether a field is one that another client added where nothing may be added.
func isAdded(desired *unstructured.Unstructured, wanted *fieldpath.Set) func(fieldpath.Path) bool {
	isForeign := foreignElement(wanted)
	return func(path fieldpath.Path) bool {
		if isForeign(path) {
			return true
		}
		exact := desired.GetKind() == "NetworkPolicy" && isField(path, 0, "spec")
		for _, namespace := range sharedNamespaces {
			exact = exact || partOf(path) == podTemplate && isField(path, 3, namespace)
		}
		for i := range len(path) - 1 { // an empty context says nothing, and the API server adds one
			exact = exact || partOf(path) == podTemplate && isField(path, i, "securityContext")
		}
		return exact && !wanted.Has(path)
	}
}
