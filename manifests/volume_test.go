package manifests

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

const gatewayRepository = "ghcr.io/nvidia/openshell/gateway:"

// used is the volume of a claim that says so, and of a StatefulSet with an image; "-": there is none.
func used(recorded, image string) Volume {
	volume := Volume{}
	if recorded != "-" {
		volume.Claim = &corev1.PersistentVolumeClaim{}
		volume.Claim.Name = ClaimName
		if recorded != "" {
			volume.Claim.Annotations = map[string]string{annotationHighestVersion: recorded}
		}
	}
	if image != "-" {
		volume.Image = image
	}
	return volume
}

func TestVersionsThatTheVolumeCannotShareAreHeld(t *testing.T) {
	for _, c := range []struct {
		what      string
		volume    Volume
		version   string
		confirmed string
		held      string // a word of the message; empty: not held
		highest   string // then
	}{
		{"no volume yet", used("-", "-"), "0.0.71", "", "", "0.0.71"},
		{"its claim was deleted", used("-", gatewayRepository+"0.0.71"), "0.0.90", "", "", "0.0.90"},
		{"the same version", used("0.0.71", gatewayRepository+"0.0.71"), "0.0.71", "", "", "0.0.71"},
		{"an upgrade that is none of the kind", used("0.0.71", gatewayRepository+"0.0.71"), "0.0.87", "", "", "0.0.87"},
		{"a downgrade that is none of the kind", used("0.0.87", gatewayRepository+"0.0.87"), "0.0.71", "", "", "0.0.87"},
		{"an upgrade across the migration", used("0.0.87", gatewayRepository+"0.0.87"), "0.0.88", "", "migrated for good", ""},
		{"one that is confirmed", used("0.0.87", gatewayRepository+"0.0.87"), "0.0.88", "0.0.88", "", "0.0.88"},
		{"one that is confirmed with a v", used("0.0.87", gatewayRepository+"0.0.87"), "0.0.88", "v0.0.88", "", "0.0.88"},
		{"one of which another is confirmed", used("0.0.87", gatewayRepository+"0.0.87"), "0.0.90", "0.0.88", "migrated for good", ""},
		{"a downgrade across it", used("0.0.88", gatewayRepository+"0.0.88"), "0.0.87", "", "does not start", ""},
		{"one that is confirmed begins anew", used("0.0.111", gatewayRepository+"0.0.111"), "0.0.87", "0.0.87", "", "0.0.87"},
		{"a retained volume, an older gateway", used("0.0.111", "-"), "0.0.71", "", "does not start", ""},
		{"a retained volume, a newer gateway", used("0.0.71", "-"), "0.0.111", "", "migrated for good", ""},
		{"the claim's word counts, not what runs", used("0.0.111", gatewayRepository+"0.0.87"), "0.0.87", "", "does not start", ""},
		{"adopted: what runs tells", used("", gatewayRepository+"0.0.71"), "0.0.111", "", "migrated for good", ""},
		{"adopted, with a digest beside the tag", used("", gatewayRepository+"0.0.71@sha256:"+strings.Repeat("a", 64)), "0.0.111", "", "migrated for good", ""},
		{"adopted, and stays as it is", used("", gatewayRepository+"0.0.71"), "0.0.71", "", "", "0.0.71"},
		{"adopted, and nothing tells", used("", "ghcr.io/nvidia/openshell/gateway:stable"), "0.0.71", "", "nothing tells", ""},
		{"adopted, and its image is none", used("", "A B"), "0.0.71", "", "nothing tells", ""},
		{"a volume of nobody knows whom", used("", "-"), "0.0.71", "", "nothing tells", ""},
		{"one of which that is confirmed", used("", "-"), "0.0.71", "0.0.71", "", "0.0.71"},
		{"a volume of a release that is not supported", used("0.0.113", "-"), "0.0.111", "", "does not know whether 0.0.111 starts", ""},
		{"one of which that is confirmed", used("0.0.113", "-"), "0.0.111", "0.0.111", "", "0.0.111"},
		{"a volume of an old release with the same migrations", used("", gatewayRepository+"0.0.60"), "0.0.71", "", "", "0.0.71"},
		{"a volume of a release with other migrations", used("", gatewayRepository+"0.0.36"), "0.0.71", "", "does not start", ""},
		{"one of which that is confirmed", used("", gatewayRepository+"0.0.36"), "0.0.71", "0.0.71", "", "0.0.71"},
		{"a record that is none", used("?", gatewayRepository+"0.0.71"), "0.0.71", "", "", "0.0.71"},
	} {
		gt := &v1alpha1.GatewayTenant{}
		gt.Namespace, gt.UID = "tenant-a", "1"
		gt.Spec.Image = gatewayRepository + c.version
		if c.confirmed != "" {
			gt.Annotations = map[string]string{v1alpha1.AnnotationConfirmVersion: c.confirmed}
		}
		tenant, err := NewTenant(gt, testPlatform(t))
		if err != nil {
			t.Fatal(err)
		}
		err = tenant.CheckDowngrade(c.volume)
		switch {
		case c.held == "" && err != nil:
			t.Errorf("%s: held: %v", c.what, err)
		case c.held == "" && tenant.highest(c.volume, false).String() != c.highest:
			t.Errorf("%s: the claim would bear %s, want %s", c.what, tenant.highest(c.volume, false), c.highest)
		case c.held != "" && (err == nil || !strings.Contains(err.Error(), c.held) || !strings.Contains(err.Error(), "confirm-version="+c.version)):
			t.Errorf("%s: %v; want %q and the way on", c.what, err, c.held)
		}
	}
}

// TestStepsAreConfirmedOneByOne: one confirmation is not enough for an upgrade across several steps. The way back is one step, since a
// backup of the volume may be of any version. The release need not be supported for this.
func TestStepsAreConfirmedOneByOne(t *testing.T) {
	version := release.New(0, 1, 3)
	for _, c := range []struct {
		name          string
		volume        Volume
		to, confirmed release.Version
		texts, noText []string
	}{
		{"two steps", used("0.0.71", gatewayRepository+"0.0.71"), version, release.Version{}, []string{"at 0.0.88 and again at 0.1.0", "set an image of 0.0.111 first", "Ready", "the image of 0.1.3 again"}, []string{"confirm-version="}},
		{"two steps, confirmed", used("0.0.71", gatewayRepository+"0.0.71"), version, version, []string{"set an image of 0.0.111 first"}, []string{"confirm-version="}},
		{"two steps, adopted and confirmed", used("", gatewayRepository+"0.0.71"), version, version, []string{"set an image of 0.0.111 first"}, nil},
		{"the second step", used("0.0.111", gatewayRepository+"0.0.111"), version, release.Version{}, []string{
			"from 0.0.111 to 0.1.3", "migrated for good", "back up the volume", "openshell provider profile export", "delete all sandboxes", "there is no way back", "before 0.1.0", "confirm-version=0.1.3",
		}, []string{"0.0.88"}},
		{"the second step, the first is confirmed", used("0.0.111", gatewayRepository+"0.0.111"), version, release.New(0, 0, 111), []string{"confirm-version=0.1.3"}, nil},
		{"the second step, confirmed", used("0.0.111", gatewayRepository+"0.0.111"), version, version, nil, nil},
		{"back over two steps", used("0.1.3", gatewayRepository+"0.1.3"), release.New(0, 0, 71), release.Version{}, []string{"0.0.71 does not start", "restore a backup of the volume", "confirm-version=0.0.71"}, nil},
		{"back over two steps, confirmed", used("0.1.3", gatewayRepository+"0.1.3"), release.New(0, 0, 71), release.New(0, 0, 71), nil, nil},
		{"nothing tells which version used it, confirmed", used("", "-"), version, version, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant := Tenant{Namespace: "tenant-a", Image: gatewayRepository + c.to.String(), Version: c.to, confirmed: c.confirmed, imageField: "spec.image"}
			err := tenant.CheckDowngrade(c.volume)
			if (err != nil) != (len(c.texts) > 0) {
				t.Fatal(err)
			}
			for _, text := range c.texts {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("the message %q does not contain %q", err, text)
				}
			}
			for _, text := range c.noText {
				if strings.Contains(err.Error(), text) {
					t.Errorf("the message %q contains %q", err, text)
				}
			}
		})
	}
}

func TestClaimOfAHeldGatewayBearsTheVersionThatRuns(t *testing.T) {
	tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.80"})
	if err != nil {
		t.Fatal(err)
	}
	for held, want := range map[bool]string{true: "0.0.71", false: "0.0.80"} {
		claim := claim(tenant, used("", gatewayRepository+"0.0.71"), held)
		if is := claim.Annotations[annotationHighestVersion]; is != want {
			t.Errorf("held: %v: the claim bears %s, want %s", held, is, want)
		}
	}
}

func TestClaimKeepsWhatItCannotChange(t *testing.T) {
	tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{})
	if err != nil {
		t.Fatal(err)
	}
	volume := used("0.0.111", "-")
	volume.Claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}
	volume.Claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("7Gi")}
	spec := claim(tenant, volume, false).Spec
	if size := (*spec.Resources.Requests)[corev1.ResourceStorage]; size.String() != "7Gi" || spec.AccessModes[0] != corev1.ReadWriteOncePod {
		t.Errorf("the claim would become %s %v", size.String(), spec.AccessModes)
	}
	spec = claim(tenant, Volume{}, false).Spec
	if size := (*spec.Resources.Requests)[corev1.ResourceStorage]; size.String() != "1Gi" || spec.AccessModes[0] != corev1.ReadWriteOnce {
		t.Errorf("a new claim is %s %v", size.String(), spec.AccessModes)
	}
}

func TestSandboxAPIThatAGatewayNeeds(t *testing.T) {
	for _, c := range []struct {
		version string
		served  []string
		missing string
		needed  bool
	}{
		{"0.0.71", []string{"v1alpha1"}, "", false},
		{"0.0.71", []string{"v1alpha1", "v1beta1"}, "", false},
		{"0.0.71", []string{"v1beta1"}, "v1alpha1, which gateway 0.0.71 needs, is served as v1beta1 only: no sandbox can be made; use release 0.0.72 or later", false},
		{"0.0.71", nil, "is not installed", false},
		{"0.0.72", []string{"v1beta1"}, "", false},
		{"0.0.72", []string{"v1"}, "v1alpha1 or v1beta1", false},
		{"0.0.106", nil, "is not installed", false},
		{"0.0.107", nil, "is not installed", true},
		{"0.0.111", []string{"v1alpha1"}, "", false},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + c.version})
		if err != nil {
			t.Fatal(err)
		}
		missing, needed := tenant.MissingSandboxAPI(c.served)
		if (missing == "") != (c.missing == "") || !strings.Contains(missing, c.missing) || needed != c.needed {
			t.Errorf("%s where %v is served: %q, needed %v; want %q, %v", c.version, c.served, missing, needed, c.missing, c.needed)
		}
	}
}

// TestSandboxPodsThatAGatewayRefuses: from 0.5 on, agent-sandbox owns its pods as v1beta1, although it still serves v1alpha1.
func TestSandboxPodsThatAGatewayRefuses(t *testing.T) {
	for _, c := range []struct {
		version string
		served  []string
		refused bool
	}{
		{"0.0.71", []string{"v1alpha1"}, false},
		{"0.0.71", []string{"v1alpha1", "v1beta1"}, true},
		{"0.0.71", []string{"v1beta1"}, false}, // MissingSandboxAPI reports this
		{"0.0.71", nil, false},
		{"0.0.72", []string{"v1alpha1", "v1beta1"}, false},
		{"0.0.111", []string{"v1alpha1", "v1beta1"}, false},
		{"0.0.111", []string{"v1alpha1"}, false},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + c.version})
		if err != nil {
			t.Fatal(err)
		}
		message := tenant.RefusedSandboxPods(c.served)
		if (message != "") != c.refused || c.refused && (!strings.Contains(message, "0.0.72") || !strings.Contains(message, "agent-sandbox 0.4")) {
			t.Errorf("%s where %v is served: %q", c.version, c.served, message)
		}
	}
}

func TestRunningRelease(t *testing.T) {
	for _, c := range []struct {
		name, recorded, image string
		want                  release.Version
		known                 bool
	}{
		{"nothing runs", "-", "", release.Version{}, false},
		{"the image's tag", "-", gatewayRepository + "0.0.90", release.New(0, 0, 90), true},
		{"the image's tag, which is not the highest version", "0.1.3", gatewayRepository + "0.0.90", release.New(0, 0, 90), true},
		{"no version in the tag", "-", gatewayRepository + "dev", release.Version{}, false},
		{"no version in the tag, but on the claim", "0.1.3", gatewayRepository + "dev", release.New(0, 1, 3), true},
		{"a digest", "0.1.3", "ghcr.io/nvidia/openshell/gateway@sha256:" + strings.Repeat("a", 64), release.New(0, 1, 3), true},
	} {
		volume := used(c.recorded, "-")
		volume.Image = c.image
		if is, known := RunningRelease(volume); is.Version != c.want || known != c.known {
			t.Errorf("%s: %s, known %v; want %s, %v", c.name, is.Version, known, c.want, c.known)
		}
	}
	if is, known := RunningRelease(Volume{}); known {
		t.Errorf("without a claim, %s runs", is.Version)
	}
}
