package gatewaytoml

import (
	"strings"
	"testing"
)

// TestKeptValuesOfVersion2: a gateway keeps its gateway_id, and no sideload method is written.
func TestKeptValuesOfVersion2(t *testing.T) {
	in := input("0.1.5", "")
	in.AppArmorProfile = "Unconfined"
	file, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{SideloadInitContainer, sideloadImageVolume, SideloadUnset} {
		text, err := file.Text(RootKeyPath, Kept{GatewayID: "earlier", SideloadMethod: method})
		if err != nil {
			t.Fatal(err)
		}
		written := string(text)
		if strings.Count(written, "gateway_id = 'earlier'") != 2 || !strings.Contains(written, RootKeyPath) || strings.Contains(written, "sideload") || strings.Contains(written, "app_armor") {
			t.Errorf("%s: gateway.toml is\n%s", method, written)
		}
		kept, known := ReadKept(written, "tenant-a")
		if want := (Kept{"earlier", SideloadInitContainer}); !known || kept != want {
			t.Errorf("%s: the text has %+v, %t, want %+v", method, kept, known, want)
		}
		if path := ReadKeyPath(written); path != RootKeyPath {
			t.Errorf("the text has the key path %s", path)
		}
	}
	renderings, err := file.Renderings(SubdirKeyPath, NewKept("tenant-a"))
	if err != nil || len(renderings) != 1 || string(renderings[0]) != string(file.text) {
		t.Errorf("%d renderings, %v", len(renderings), err)
	}
}

// TestGatewayIDOfATextWithoutOne: before version 2, no sandbox had a label with the default.
func TestGatewayIDOfATextWithoutOne(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "[openshell]\nversion = 1": "tenant-a", "[openshell]\nversion = 2": DefaultGatewayID,
		"[openshell]\nversion = 2\n[openshell.drivers.kubernetes]\ngateway_id = 'a'": "a",
		"[openshell]\nversion = 2\n[openshell.gateway.gateway_jwt]\nkid_path = '/a'": DefaultGatewayID,
	} {
		if kept, known := ReadKept(text, "tenant-a"); kept.GatewayID != want || known != (want != "") {
			t.Errorf("%q: %+v, %t, want %q", text, kept, known, want)
		}
	}
}

// TestImagesOfVersion2: supervisor and sandbox are of the gateway's release, or come from the mirror.
func TestImagesOfVersion2(t *testing.T) {
	in := input("0.1.5", "")
	driver := []string{"openshell", "drivers", "kubernetes"}
	for _, c := range []struct{ supervisor, sandbox, wantSupervisor, wantSandbox string }{
		{"", "", "ghcr.io/nvidia/openshell/supervisor:0.1.5", "ghcr.io/nvidia/openshell/sandbox:0.1.5"},
		{"mirror/supervisor:0.1.5", "mirror/sandbox:0.1.5", "mirror/supervisor:0.1.5", "mirror/sandbox:0.1.5"},
	} {
		in.SupervisorImage, in.SandboxImage = c.supervisor, c.sandbox
		if got := at(t, in, append(driver, "supervisor_image")...); got != c.wantSupervisor {
			t.Errorf("the supervisor is %v, want %s", got, c.wantSupervisor)
		}
		if got := at(t, in, append(driver, "sandbox_runtime_image")...); got != c.wantSandbox {
			t.Errorf("the sandbox is %v, want %s", got, c.wantSandbox)
		}
	}
	if got := at(t, input("0.1.10", ""), append(driver, "sandbox_runtime_image")...); got != "quay.io/ai-openshell/sandbox:0.1.10" {
		t.Errorf("the sandbox of 0.1.10 is %v", got)
	}
}
