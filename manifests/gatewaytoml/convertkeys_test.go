package gatewaytoml

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestConvertedTextsAreAccepted: the operator accepts each converted text, unless a note says what is left to do, and no key gets lost.
func TestConvertedTextsAreAccepted(t *testing.T) {
	texts := textsOfV1(t)
	if len(texts) < 200 {
		t.Fatalf("there are %d texts only", len(texts))
	}
	for _, text := range texts {
		converted, notes, err := Convert(text, true)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if _, err := New(input(convertsTo.String(), converted)); err != nil && !needsDecision(notes) {
			t.Errorf("%q becomes %q, which is rejected without a note: %v", text, converted, err)
		}
		again, _, err := Convert(converted, true)
		if err != nil || again != converted {
			t.Errorf("%q becomes %q, and that becomes %q (%v)", text, converted, again, err)
		}
		checkNothingIsLost(t, text, converted, notes)
	}
}

// checkNothingIsLost: each value of a text is in the converted text, at its path or where movedKeys has it, or a note names its key. A
// value may be written in another way.
func checkNothingIsLost(t *testing.T, text, converted string, notes []Note) {
	t.Helper()
	before, err := decode(strings.TrimPrefix(text, "\ufeff"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := decode(converted)
	if err != nil {
		t.Fatal(err)
	}
	now := leaves(after, nil)
	for name, value := range leaves(before, nil) {
		if slices.Contains(silent, name+" "+shown(value)) {
			continue
		}
		kept := name
		for _, key := range movedKeys {
			if key.from == name && key.to != "" {
				kept = key.to
			}
		}
		got, has := now[kept]
		same := has && (reflect.DeepEqual(got, value) || strings.EqualFold(strings.ReplaceAll(fmt.Sprint(got), "_", ""), strings.Trim(fmt.Sprint(value), "[]")) || name == "openshell.version")
		named := slices.ContainsFunc(notes, func(note Note) bool {
			key, _, _ := strings.Cut(note.Message, " ")
			return name == key || strings.HasPrefix(name, key+".") || strings.HasPrefix(name, key+"[") || strings.HasPrefix(key, name+"[")
		})
		if !same && !named {
			t.Errorf("%q becomes %q: %s was %s, is %s, and no note names it: %v", text, converted, name, shown(value), shown(got), notes)
		}
	}
}

// silent are keys that are dropped without a note, since their values mean the same as no key.
var silent = []string{
	`openshell.gateway.default_credential_driver ""`,
	`openshell.drivers.kubernetes.image_pull_policy ""`, `openshell.drivers.kubernetes.supervisor_image_pull_policy ""`,
}

// leaves returns the values in tables that are not tables themselves, by their paths.
func leaves(t table, at []string) map[string]any {
	all := map[string]any{}
	for key, value := range t {
		path := append(slices.Clip(at), key)
		if inner, is := value.(table); is {
			maps.Copy(all, leaves(inner, path))
		} else {
			all[dotted(path)] = value
		}
	}
	return all
}
