package gatewaytoml

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
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

// TestConvertKeepsTextsOfVersion2: a text with version = 2 that the operator accepts is converted already. It needs no decision, except
// about a key that does not keep users out as it did in version 1.
func TestConvertKeepsTextsOfVersion2(t *testing.T) {
	listed, err := os.ReadFile("testdata/" + schemas[1].cases)
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Starts, TOML string }
	if err := yaml.UnmarshalStrict(listed, &cases); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, c := range cases {
		text := "openshell.version = 2\n" + c.TOML
		if _, err := New(input(convertsTo.String(), text)); err != nil {
			continue
		}
		kept++
		if converted, notes, err := Convert(text, true); err != nil || converted != text || needsDecision(notes) != strings.Contains(fmt.Sprint(notes), "no longer keeps users out") {
			t.Errorf("%q becomes %q: %v (%v)", text, converted, notes, err)
		}
	}
	if kept < 30 {
		t.Errorf("%d texts only are accepted", kept)
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
