package main

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// TestConvertExitsWithWhatIsLeftToDo: texts go to standard output, and notes to standard error.
func TestConvertExitsWithWhatIsLeftToDo(t *testing.T) {
	for _, c := range []struct {
		text, out, notes string
		code             int
	}{
		{"[openshell]\nversion = 1\n", "[openshell]\nversion = 2\n", "", 0},
		{"openshell.gateway.guest_tls_ca = 'a'\n", "", "note: stdin:1: openshell.gateway.guest_tls_ca is dropped", 0},
		{"openshell.gateway.provider_profile_sources = [{type = 'builtin'}]\n", "", "decide: stdin:1: ", 2},
		{"openshell.gateway.unknown = 1\n", "openshell.gateway.unknown = 1\n", "decide: stdin:1: openshell.gateway.unknown is not a key", 2},
		{"a: b\n", "", "error: -: no GatewayTenant", 1},
		{"[openshell]\nversion =\n", "", "stdin:1: is not TOML in line 2", 1},
		{"{kind: GatewayTenant, apiVersion: openshell.ambient-code.io/v1alpha1, metadata: {namespace: a, name: openshell-gateway}, spec: {config: 'a ='}}", "", "stdin:1: GatewayTenant a/openshell-gateway: spec.config: ", 1},
		{"{kind: GatewayTenant, apiVersion: openshell.ambient-code.io/v1alpha1, metadata: {namespace: a, name: openshell-gateway}}", "", "there is nothing to convert", 0},
	} {
		var out, notes bytes.Buffer
		code := run(t.Context(), []string{"convert", "-f", "-"}, genericiooptions.IOStreams{In: strings.NewReader(c.text), Out: &out, ErrOut: &notes})
		if code != c.code || out.String() != c.out || !strings.Contains(notes.String(), c.notes) || c.notes == "" && notes.Len() > 0 {
			t.Errorf("%q: exit code %d, %q and %q; want %d, %q and %q", c.text, code, out.String(), notes.String(), c.code, c.out, c.notes)
		}
	}
}
