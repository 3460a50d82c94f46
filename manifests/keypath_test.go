package manifests

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// noRootKey is how a gateway ends that finds no key in the volume's root, as a terminal of 80 columns has it.
const noRootKey = "2026-11-29T12:00:00Z \x1b[32m INFO\x1b[0m openshell_server: starting\n" +
	"Error:   \x1b[31m×\x1b[0m failed to prepare default credential storage key-\n" +
	"  \x1b[31m│\x1b[0m encryption key directory '/var/openshell/key-encryption-key.bin': failed\n" +
	"  \x1b[31m│\x1b[0m to set permissions on /var/openshell\n"

// configHashWith returns the hash of the tenant's gateway.toml with the key at a path.
func configHashWith(t *testing.T, tenant Tenant, path string) string {
	t.Helper()
	text, err := tenant.config.Text(path, gatewaytoml.NewKept("tenant-a"))
	if err != nil {
		t.Fatal(err)
	}
	return hash(string(text))
}

func TestKeyPathIsThatOfTheKeyOnTheVolume(t *testing.T) {
	const before, first, later = "0.0.99", "0.0.100", "0.0.111"
	const root, subdir, held = gatewaytoml.RootKeyPath, gatewaytoml.SubdirKeyPath, "held"
	image := func(version string) string { return gatewayRepository + version }
	for _, c := range []struct {
		what           string
		highest, image string // of the claim and of the StatefulSet; "-" means that there is none
		recorded       string // "-" means that nothing is recorded
		serves         string // the path in the gateway.toml of a pod that is ready; empty if none is
		words          string
		version        string
		want           string
	}{
		{"no volume", "-", "-", "-", "", "", later, subdir},
		{"a volume that was deleted under its gateway", "-", image(later), "-", root, "", later, subdir},
		{"an older gateway's volume", before, image(before), "-", "", "", first, subdir},
		{"the same while the older gateway is ready", before, image(before), "-", subdir, "", later, subdir},
		{"an older gateway's volume, retained", before, "-", "-", "", "", later, subdir},
		{"an older gateway's volume, adopted", "", image(before), "-", "", "", later, subdir},
		{"a gateway that is ready with the old path", later, image(later), "-", root, "", later, root},
		{"one that is ready with the new path", later, image(later), "-", subdir, "", later, subdir},
		{"one that is ready although it once failed", later, image(later), "-", root, noRootKey, later, root},
		{"one that is ready with another gateway.toml", later, image(later), "-", "other", noRootKey, later, held},
		{"one that is ready and is to be upgraded", first, image(first), "-", root, "", later, held},
		{"one that is ready, adopted", "", image(later), "-", root, "", later, root},
		{"a gateway that failed for want of the key", later, image(later), "-", "", noRootKey, later, subdir},
		{"one that failed so and is to be upgraded", first, image(first), "-", "", noRootKey, later, subdir},
		{"one that failed for something else", later, image(later), "-", "", "panicked", later, held},
		{"one that failed in another directory", later, image(later), "-", "", strings.ReplaceAll(noRootKey, "/var/openshell", "/var/openshell/keys"), later, held},
		{"one that has not ended", later, image(later), "-", "", "", later, held},
		{"a retained volume", later, "-", "-", "", "", later, held},
		{"a volume of unknown origin", "", "-", "-", "", "", later, held},
		{"the old path, recorded", later, "-", root, "", "", later, root},
		{"the new path, recorded", later, "-", subdir, "", "", later, subdir},
		{"the old path, confirmed against all evidence", before, image(later), root, subdir, noRootKey, later, root},
		{"the new path, confirmed against all evidence", later, image(later), subdir, root, "", later, subdir},
		{"a recorded path that is not possible", before, image(later), "/var/openshell/kek", subdir, noRootKey, later, held},
		{"an empty record", before, image(later), "", subdir, noRootKey, later, held},
		{"an older gateway", before, image(before), "-", "", "", before, ""},
		{"an older gateway after a newer one", later, image(later), "-", "", "", before, ""},
		{"an older gateway on a volume with a record", later, image(later), root, "", "", before, root},
		{"an older gateway on a volume with an impossible record", later, image(later), "?", "", "", before, ""},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: image(c.version)})
		if err != nil {
			t.Fatal(err)
		}
		volume := used(c.highest, c.image)
		volume.TerminationMessage = c.words
		if c.recorded != "-" {
			if volume.Claim.Annotations == nil {
				volume.Claim.Annotations = map[string]string{}
			}
			volume.Claim.Annotations[annotationKeyPath] = c.recorded
		}
		if c.serves != "" {
			volume.Serves, volume.ConfigHash = true, configHashWith(t, tenant, c.serves)
		}
		err = tenant.CheckKeyPath(volume)
		if c.want == held {
			rejected := (*RejectedError)(nil)
			if !errors.As(err, &rejected) || rejected.Reason != v1alpha1.ReasonKeyPathUnknown {
				t.Errorf("%s: %v; want it held", c.what, err)
				continue
			}
			for _, path := range []string{root, subdir} {
				if command := "kubectl annotate --overwrite pvc " + ClaimName + " -n tenant-a " + annotationKeyPath + "=" + path; !strings.Contains(err.Error(), command) {
					t.Errorf("%s: %v; want the command %q", c.what, err, command)
				}
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		objects, err := Render(tenant, RenderInput{Volume: volume})
		if err != nil {
			t.Fatal(err)
		}
		if recorded, rendered := keyPathsIn(t, objects); recorded != c.want || c.version != before && rendered != c.want {
			t.Errorf("%s: the claim records %q and gateway.toml has %q; want %q", c.what, recorded, rendered, c.want)
		}
	}
}

// keyPathsIn returns the path that the claim records, and the one in gateway.toml.
func keyPathsIn(t *testing.T, objects Objects) (recorded, rendered string) {
	t.Helper()
	for _, object := range objects.Foundation {
		switch object.GetKind() {
		case "PersistentVolumeClaim":
			recorded = object.GetAnnotations()[annotationKeyPath]
		case "ConfigMap":
			text, _, _ := unstructured.NestedString(object.Object, "data", ConfigKey)
			rendered, _ = tableAt(decodeTOML(t, text), "openshell", "gateway", "credential_storage")["key_encryption_key_path"].(string)
		}
	}
	return recorded, rendered
}

// TestKeyPathInConfigIsNeverHeld covers a path of the tenant's own and the operator's default path, with and without a record.
func TestKeyPathInConfigIsNeverHeld(t *testing.T) {
	for _, own := range []string{"/var/openshell/keys/kek", gatewaytoml.SubdirKeyPath} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{
			Image:  gatewayRepository + "0.0.111",
			Config: "openshell.gateway.credential_storage.key_encryption_key_path = '" + own + "'",
		})
		if err != nil {
			t.Fatal(err)
		}
		volume := used("0.0.111", "-")
		if err := tenant.CheckKeyPath(volume); err != nil {
			t.Error(err)
		}
		for _, record := range []string{"", gatewaytoml.RootKeyPath} {
			if record != "" {
				volume.Claim.Annotations[annotationKeyPath] = record
			}
			objects, err := Render(tenant, RenderInput{Volume: volume})
			if err != nil {
				t.Fatal(err)
			}
			if recorded, rendered := keyPathsIn(t, objects); recorded != record || rendered != own {
				t.Errorf("the claim records %q and gateway.toml has %q; want %q and %q", recorded, rendered, record, own)
			}
		}
	}
}

// TestKeyPathDecisionSurvivesEachWrite: the claim is written first, and whatever else is lost then, it has the answer.
func TestKeyPathDecisionSurvivesEachWrite(t *testing.T) {
	image := gatewayRepository + "0.0.111"
	tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		volume Volume
		held   bool // its rollout slot is not free
	}{
		{"an upgrade to the first version with a key", used("0.0.99", gatewayRepository+"0.0.99"), false},
		{"one that waits for its rollout slot", used("0.0.99", gatewayRepository+"0.0.99"), true},
		{"a gateway that failed for want of the key", Volume{Claim: used("0.0.111", "-").Claim, Image: image, TerminationMessage: noRootKey}, false},
		{"one that is ready", Volume{Claim: used("0.0.111", "-").Claim, Image: image, Serves: true, ConfigHash: configHashWith(t, tenant, gatewaytoml.RootKeyPath)}, false},
		{"one that is ready and waits for its rollout slot", Volume{Claim: used("0.0.111", "-").Claim, Image: image, Serves: true, ConfigHash: configHashWith(t, tenant, gatewaytoml.RootKeyPath)}, true},
	} {
		want, known := tenant.keyPath(c.volume)
		if !known {
			t.Fatalf("%s: undecided", c.what)
		}
		written := claim(tenant, c.volume, c.held)
		after := Volume{Claim: c.volume.Claim.DeepCopy()} // nothing else is known of it any more
		after.Claim.Annotations = written.Annotations
		if path, known := tenant.keyPath(after); !known || path != want {
			t.Errorf("%s: once the claim is written, the path is %q, %v; want %q", c.what, path, known, want)
		}
	}
}

// TestKeyPathIsKnownWhenThePlatformSetsAProfile: the platform may opt in to an AppArmor profile together with the upgrade to an
// operator that records key paths. The earlier gateway.toml does not have the profile then.
func TestKeyPathIsKnownWhenThePlatformSetsAProfile(t *testing.T) {
	platform, err := testPlatform(t).WithSettings(Settings{SandboxAppArmorProfile: appArmorUnconfined})
	if err != nil {
		t.Fatal(err)
	}
	gt := tenantWith("")
	earlier, err := NewTenant(gt, testPlatform(t))
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := NewTenant(gt, platform)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{gatewaytoml.RootKeyPath, gatewaytoml.SubdirKeyPath} {
		text, err := earlier.config.Text(path, gatewaytoml.Kept{GatewayID: "tenant-a", SideloadMethod: gatewaytoml.SideloadUnset})
		if err != nil {
			t.Fatal(err)
		}
		volume := used("0.0.111", tenant.Image)
		volume.Serves, volume.ConfigHash = true, hash(string(text))
		if err := tenant.CheckEarlierConfig(volume); err != nil {
			t.Errorf("%s, without a ConfigMap: %v", path, err)
		}
		if is, known := tenant.keyPath(volume); !known || is != path {
			t.Errorf("%s, without a ConfigMap: the path is %q, %t", path, is, known)
		}
		volume.Claim.Annotations[annotationGatewayID], volume.Claim.Annotations[annotationSideloadMethod] = "tenant-a", gatewaytoml.SideloadUnset
		if is, known := tenant.keyPath(volume); !known || is != path {
			t.Errorf("%s, with a record of the other values: the path is %q, %t", path, is, known)
		}
	}
}

// TestKeyPathIsThatOfTheTextThatServes, if the hash proves that the gateway runs with this text.
func TestKeyPathIsThatOfTheTextThatServes(t *testing.T) {
	const table = "[openshell.gateway.credential_storage]\nkey_encryption_key_path = "
	for _, c := range []struct {
		what, text      string
		serves, changed bool // changed means that the text is no longer the gateway's
		want            string
	}{
		{"the old path", table + "'" + gatewaytoml.RootKeyPath + "'", true, false, gatewaytoml.RootKeyPath},
		{"the new path", table + "'" + gatewaytoml.SubdirKeyPath + "'", true, false, gatewaytoml.SubdirKeyPath},
		{"a path of the tenant's own", table + "'/var/openshell/own/key'", true, false, ""},
		{"a value that is no text", table + "1", true, false, ""},
		{"no path", "[openshell.gateway]", true, false, ""},
		{"no TOML", table, true, false, ""},
		{"a text that changed since", table + "'" + gatewaytoml.RootKeyPath + "'", true, true, ""},
		{"a gateway that does not serve", table + "'" + gatewaytoml.RootKeyPath + "'", false, false, ""},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111"})
		if err != nil {
			t.Fatal(err)
		}
		volume := used("0.0.111", tenant.Image)
		volume.Serves, volume.ConfigHash = c.serves, hash(c.text)
		volume.Files, volume.FileKeys = map[string]string{ConfigKey: c.text}, []string{ConfigKey}
		if c.changed {
			volume.ConfigHash = hash("another text")
		}
		if is, known := tenant.keyPath(volume); is != c.want || known != (c.want != "") {
			t.Errorf("%s: the path is %q, %t; want %q", c.what, is, known, c.want)
		}
	}
}
