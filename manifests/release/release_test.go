package release

import "testing"

func TestChangesAreInOrder(t *testing.T) {
	for i, later := range changes[1:] {
		if before := changes[i]; !before.since.Less(later.since) {
			t.Errorf("the change of %s comes after that of %s: merge the two, or write them in order", later.since, before.since)
		}
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
		{New(0, 1, 2), false, Documented, 2},
		{New(0, 1, 3), true, Documented, 2},
		{New(0, 1, 5), true, Inferred, 2},
		{New(0, 1, 6), false, Inferred, 2},
		{New(0, 1, 11), false, Inferred, 2},
		{New(1, 0, 0), false, Inferred, 2},
	} {
		is := Of(c.version)
		if supported := is.Unsupported == ""; supported != c.supported || is.Known != c.known || is.Schema != c.schema || is.Version != c.version {
			t.Errorf("%s: %+v, want supported %v, known %q, schema %d", c.version, is, c.supported, c.known, c.schema)
		}
	}
}

// TestSandboxPods expects what the pods of sandboxes need since 0.1.0, and did not need before.
func TestSandboxPods(t *testing.T) {
	for _, c := range []struct {
		version       Version
		level         string
		strict, unset bool
	}{
		{New(0, 0, 71), "privileged", false, false},
		{New(0, 0, 111), "privileged", false, false},
		{New(0, 1, 0), "restricted", true, true},
		{New(0, 1, 10), "restricted", true, true},
	} {
		if is := Of(c.version); is.SandboxPodSecurity != c.level || is.StrictGroups != c.strict || is.UnsetResources != c.unset {
			t.Errorf("%s: level %s, strict %v, unset %v; want %+v", c.version, is.SandboxPodSecurity, is.StrictGroups, is.UnsetResources, c)
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
		{New(0, 0, 111), New(0, 1, 0), 1},
		{New(0, 1, 0), New(0, 0, 88), 1},
		{New(0, 1, 0), New(0, 1, 10), 0},
		{New(0, 0, 71), New(0, 1, 3), 2},
	} {
		if is := StepsBetween(c.a, c.b); len(is) != c.steps {
			t.Errorf("from %s to %s: %d steps, want %d", c.a, c.b, len(is), c.steps)
		}
	}
}

func TestNewestCompatible(t *testing.T) {
	supported := []Version{New(0, 0, 71), New(0, 0, 87), New(0, 0, 88), New(0, 0, 111), New(0, 1, 3), New(0, 1, 5)}
	steps := []Step{{At: New(0, 0, 88)}, {At: New(0, 1, 0)}, {At: New(0, 2, 0)}}
	for version, want := range map[Version]string{
		New(0, 0, 36): "0.0.87", New(0, 0, 71): "0.0.87", New(0, 0, 87): "0.0.87", New(0, 0, 88): "0.0.111", New(0, 0, 113): "0.0.111",
		New(0, 1, 0): "0.1.5", New(0, 1, 10): "0.1.5", New(0, 2, 0): "",
	} {
		is, exists := newestCompatible(supported, steps, version)
		if exists != (want != "") || exists && is.String() != want {
			t.Errorf("%s: %s, %v, want %q", version, is, exists, want)
		}
	}
}

// TestTextsOfSteps: all steps between two releases are named, also if there are several.
func TestTextsOfSteps(t *testing.T) {
	all := []Step{
		{New(0, 0, 88), "the database is migrated", "back up the volume first"},
		{New(0, 1, 0), "sandboxes are lost", "delete the sandboxes first"},
		{New(0, 2, 0), "providers are lost", "back up the volume first"},
	}
	for _, c := range []struct {
		a, b Version
		want string
	}{
		{New(0, 0, 71), New(0, 0, 88), "the database is migrated; back up the volume first"},
		{New(0, 0, 87), New(0, 1, 3), "the database is migrated, and sandboxes are lost; back up the volume first, and delete the sandboxes first"},
		{New(0, 2, 0), New(0, 0, 71), "the database is migrated, and sandboxes are lost, and providers are lost; back up the volume first, and delete the sandboxes first"},
		{New(0, 0, 88), New(0, 1, 0), "sandboxes are lost; delete the sandboxes first"},
	} {
		if is := CostText(stepsBetween(all, c.a, c.b)); is != c.want {
			t.Errorf("from %s to %s: %q, want %q", c.a, c.b, is, c.want)
		}
	}
	for n, want := range map[int]string{
		1: "gateways from 0.0.88 on cannot share a database with older ones",
		2: "gateways from 0.0.88 on cannot share a database with older ones, and those from 0.1.0 on cannot either",
	} {
		if is := sharingText(all[:n]); is != want {
			t.Errorf("%q, want %q", is, want)
		}
	}
}

func TestRanges(t *testing.T) {
	if is, want := Ranges([]Version{New(0, 0, 1), New(0, 0, 2), New(0, 0, 3), New(0, 1, 0), New(0, 2, 1), New(0, 2, 2)}), "0.0.1 to 0.0.3 and 0.1.0 and 0.2.1 to 0.2.2"; is != want {
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
