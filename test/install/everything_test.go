package install

import (
	"slices"
	"strings"
	"testing"
)

// everything names all objects of the cluster, apart from those that come and go by themselves.
func everything(t *testing.T) []string {
	t.Helper()
	var kinds []string
	for kind := range strings.FieldsSeq(kubectl(t, "api-resources", "--verbs=list", "-o", "name")) {
		if !slices.Contains(passing, kind) {
			kinds = append(kinds, kind)
		}
	}
	names := strings.Fields(kubectl(t, "get", strings.Join(kinds, ","), "--all-namespaces", "--ignore-not-found",
		"-o", `go-template={{range .items}}{{.kind}}:{{with .metadata.namespace}}{{.}}{{end}}/{{.metadata.name}}{{"\n"}}{{end}}`))
	slices.Sort(names)
	return names
}

var passing = []string{"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses", "ipaddresses.networking.k8s.io", "apiservices.apiregistration.k8s.io", "controllerrevisions.apps"}

// added are those of after that are not among before.
func added(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(name string) bool { _, was := slices.BinarySearch(before, name); return was })
}
