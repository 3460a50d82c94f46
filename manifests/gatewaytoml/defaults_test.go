package gatewaytoml

import "testing"

// boundaries are the versions at which gateways begin to know or to need something, the ones before them, and what
// differs in a gateway.toml without any config.
var boundaries = []struct{ version, differs string }{
	{"0.0.71", "The oldest. The supervisor's image is pinned to the gateway's version: the gateway's own default is :latest."},
	{"0.0.72", "Sandboxes of v1beta1 are known; nothing differs here."},
	{"0.0.75", "Nothing differs from 0.0.72 but the supervisor's version."},
	{"0.0.76", "sandbox_uid and sandbox_gid are known and not set: the namespace's own range is better where there is one."},
	{"0.0.81", "The last one whose supervisor must be pinned."},
	{"0.0.82", "The gateway pins its supervisor itself, so nothing is set."},
	{"0.0.87", "The last one before the database's migration that cannot be undone; nothing differs here."},
	{"0.0.88", "Workspaces; nothing differs here."},
	{"0.0.99", "The last one without stored credentials."},
	{"0.0.100", "The key that encrypts stored credentials is on the volume: by default it would be where nothing can be written."},
	{"0.0.106", "The last one in which gateway_jwt alone has the gateway's id."},
	{"0.0.107", "The driver has a gateway_id of its own, which the gateway does not copy from gateway_jwt, so both are set."},
	{"0.0.111", "The newest that is known; nothing differs from 0.0.107."},
	{"0.1.0", "Schema version 2: the driver inherits nothing, the supervisor and the sandbox have their own images, and nothing is sideloaded."},
	{"0.1.3", "The handshake demands no client certificate, so no user is let in without authentication: certificates authenticate users by default."},
	{"0.1.5", "Callers may set labels and annotations of pods that the tenant allows; nothing differs here."},
}

func TestDefaultsOfEachVersion(t *testing.T) {
	for _, b := range boundaries {
		file, err := New(input(b.version, ""))
		if err != nil {
			t.Fatal(err)
		}
		got := "# " + b.differs + "\n" + string(file.text)
		CompareGolden(t, "testdata/defaults/"+b.version+".toml", got)
	}
}

// TestLaterReleasesKnowNoSideloadMethod: their gateways would not start with keys that were removed.
func TestLaterReleasesKnowNoSideloadMethod(t *testing.T) {
	for version, want := range map[string]int{"0.0.111": 2, "0.1.0": 0} {
		in := input(version, "")
		in.AppArmorProfile = "Unconfined"
		driver := tableAt(defaults(in), "openshell", "drivers", "kubernetes")
		is := 0
		for _, key := range []string{"supervisor_sideload_method", "app_armor_profile"} {
			if _, set := driver[key]; set {
				is++
			}
		}
		if is != want {
			t.Errorf("%s: %d of the keys are set, want %d", version, is, want)
		}
	}
}
