package crdschema

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestRulesOfTheAPIHoldWithoutAnAPIServer(t *testing.T) {
	const named = "apiVersion: openshell.ambient-code.io/v1alpha1\nkind: GatewayTenant\nmetadata: {name: openshell-gateway, namespace: a}\n"
	for _, c := range []struct{ what, text, old, want string }{
		{"an empty spec", named + "spec: {}", "", ""},
		{"another name", strings.Replace(named, "openshell-gateway", "mine", 1), "", "must be named openshell-gateway"},
		{"an unknown field", named + "spec: {imag: x}", "", "spec.imag: Forbidden: is an unknown field; did you mean image?"},
		{"an enum", named + "spec: {sandboxTokens: Perhaps}", "", `spec.sandboxTokens: Unsupported value: "Perhaps"`},
		{"a wrong type", named + "spec: {suspend: 'yes'}", "", "spec.suspend: Invalid value"},
		{"a version", named + "spec: {version: v0.0.71}", "", ""},
		{"a version of two numbers", named + "spec: {version: '10.71'}", "", "three numbers"},
		{"a name in upper case", named + "spec: {serverDnsNames: [A.example.com]}", "", "spec.serverDnsNames[0]"},
		{"too many names", named + "spec: {serverDnsNames: [" + strings.Repeat("a.example.com, ", 65) + "]}", "", "must have at most 64 items"},
		{"a volume that grows", named + "spec: {storage: {size: 6Gi}}", named + "spec: {storage: {size: 5Gi}}", ""},
		{"a size that is taken back", named + "spec: {storage: {size: 4Gi}}", named + "spec: {storage: {size: 5Gi}}", ""},
		{"a class that changes", named + "spec: {storage: {storageClassName: a}}", named + "spec: {storage: {storageClassName: b}}", "storageClassName cannot be changed"},
	} {
		t.Run(c.what, func(t *testing.T) {
			errs, err := Check(object(t, c.text), object(t, c.old))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(errs) > 0 {
				got = errs.ToAggregate().Error()
			}
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q in it", got, c.want)
			}
		})
	}
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}
