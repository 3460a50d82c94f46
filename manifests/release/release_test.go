package release

import (
	"slices"
	"testing"
)

func TestChangesAreInOrder(t *testing.T) {
	if !slices.IsSortedFunc(changes, func(a, b change) int {
		if a.since.Less(b.since) {
			return -1
		}
		return 1
	}) {
		t.Error("a change comes after a later one, so it would be left out")
	}
}

func TestContracts(t *testing.T) {
	for _, c := range []struct {
		version   Version
		supported bool
		known     Knowledge
		schema    int
	}{
		{New(0, 0, 70), false, "", 0},
		{New(0, 0, 71), true, Run, 1},
		{New(0, 0, 90), true, Read, 1},
		{New(0, 0, 111), true, Run, 1},
		{New(0, 0, 112), false, Inferred, 1},
		{New(0, 1, 0), false, Documented, 2},
		{New(0, 1, 5), false, Inferred, 2},
		{New(1, 0, 0), false, Inferred, 2},
	} {
		is := Of(c.version)
		if supported := is.Unsupported == ""; supported != c.supported || is.Known != c.known || is.Schema != c.schema || is.Version != c.version {
			t.Errorf("%s: %+v, want supported %v, known %q, schema %d", c.version, is, c.supported, c.known, c.schema)
		}
	}
}

// TestContractsShareNothing: a change of one contract must not change others.
func TestContractsShareNothing(t *testing.T) {
	first := Of(New(0, 0, 71))
	first.SandboxAPIs[0] = "changed"
	if again := Of(New(0, 0, 71)); again.SandboxAPIs[0] != "v1alpha1" {
		t.Errorf("the next contract has %v", again.SandboxAPIs)
	}
}

func TestStepsBetween(t *testing.T) {
	for _, c := range []struct {
		a, b  Version
		steps int
	}{
		{New(0, 0, 71), New(0, 0, 87), 0},
		{New(0, 0, 87), New(0, 0, 88), 1},
		{New(0, 0, 88), New(0, 0, 87), 1},
		{New(0, 0, 88), New(0, 0, 111), 0},
	} {
		if is := StepsBetween(c.a, c.b); len(is) != c.steps {
			t.Errorf("from %s to %s: %d steps, want %d", c.a, c.b, len(is), c.steps)
		}
	}
}

func TestRanges(t *testing.T) {
	if is, want := ranges([]Version{New(0, 0, 1), New(0, 0, 2), New(0, 0, 3), New(0, 1, 0), New(0, 2, 1), New(0, 2, 2)}), "0.0.1 to 0.0.3 and 0.1.0 and 0.2.1 to 0.2.2"; is != want {
		t.Errorf("%q, want %q", is, want)
	}
}

func TestImage(t *testing.T) {
	for version, want := range map[Version]string{
		New(0, 1, 9):  "ghcr.io/nvidia/openshell/sandbox:0.1.9",
		New(0, 1, 10): "quay.io/ai-openshell/sandbox:0.1.10",
	} {
		if is := Of(version).Image("sandbox"); is != want {
			t.Errorf("%s, want %s", is, want)
		}
	}
}
