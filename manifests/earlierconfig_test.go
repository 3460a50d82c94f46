package manifests

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

// keptIn returns what the claim records and what gateway.toml has of the values that a gateway keeps.
func keptIn(t *testing.T, objects Objects) (recorded, rendered gatewaytoml.Kept) {
	t.Helper()
	for _, object := range objects.Foundation {
		if object.GetKind() == "PersistentVolumeClaim" {
			annotations := object.GetAnnotations()
			recorded = gatewaytoml.Kept{GatewayID: annotations[annotationGatewayID], SideloadMethod: annotations[annotationSideloadMethod]}
		}
	}
	config := renderedConfig(t, objects)
	driver := tableAt(config, "openshell", "drivers", "kubernetes")
	rendered.GatewayID, _ = tableAt(config, "openshell", "gateway", "gateway_jwt")["gateway_id"].(string)
	rendered.SideloadMethod, _ = driver["supervisor_sideload_method"].(string)
	if id, set := driver["gateway_id"]; set && id != rendered.GatewayID {
		t.Errorf("the driver's gateway_id is %v, and that of the tokens %q", id, rendered.GatewayID)
	}
	return recorded, rendered
}

func TestGatewayKeepsWhatItsSandboxesDependOn(t *testing.T) {
	const (
		no      = "-" // it does not exist
		tokens  = "[openshell.gateway.gateway_jwt]\nsigning_key_path = '/x'\n"
		driver  = "[openshell.drivers.kubernetes]\n"
		initial = gatewaytoml.SideloadInitContainer
	)
	for _, c := range []struct {
		what               string
		config             string // gateway.toml in the ConfigMap
		id, method         string // that the claim records
		image              string // of the StatefulSet; empty without one, and "keys" without one but with token keys
		held               bool
		wantID, wantMethod string
	}{
		{"a volume without a gateway", no, no, no, "", false, "tenant-a", initial},
		{"the operator's gateway", tokens + "gateway_id = 'tenant-a'\n", no, no, "i", false, "tenant-a", ""},
		{"its ConfigMap alone", tokens + "gateway_id = 'tenant-a'\n", no, no, "", false, "tenant-a", ""},
		{"an adopted gateway with an id", tokens + "gateway_id = 'main'\n", no, no, "i", false, "main", ""},
		{"an adopted gateway without an id", tokens, no, no, "i", false, "openshell", ""},
		{"an adopted gateway with an empty id", tokens + "gateway_id = ''\n", no, no, "i", true, "", ""},
		{"an adopted gateway without tokens", "[openshell.gateway]\nlog_level = 'info'\n", no, no, "i", false, "tenant-a", ""},
		{"an adopted gateway whose driver alone has an id", driver + "gateway_id = 'main'\n", no, no, "i", false, "main", ""},
		{"an adopted gateway with init containers", tokens + driver + "supervisor_sideload_method = 'init-container'\n", no, no, "i", false, "openshell", initial},
		{"an adopted gateway with image volumes", tokens + driver + "supervisor_sideload_method = 'image-volume'\n", no, no, "i", false, "openshell", "image-volume"},
		{"a record", no, "main", "unset", "i", false, "main", ""},
		{"a record against the ConfigMap", tokens + "gateway_id = 'other'\n", "main", initial, "i", false, "main", initial},
		{"a record of the id alone", driver, "main", no, "i", false, "main", ""},
		{"a record of the method alone", tokens, no, initial, "i", false, "openshell", initial},
		{"a record without a gateway", no, "main", "unset", "", false, "main", ""},
		{"token keys without a gateway", no, no, no, "keys", true, "", ""},
		{"token keys without a gateway, and a record", no, "main", "unset", "keys", false, "main", ""},
		{"no ConfigMap", no, no, no, "i", true, "", ""},
		{"no text", "", no, no, "i", true, "", ""},
		{"no TOML", "[openshell", no, no, "i", true, "", ""},
		{"a text that exceeds the bounds", "x = " + strings.Repeat("[", 100) + strings.Repeat("]", 100), no, no, "i", true, "", ""},
		{"an impossible id", tokens + "gateway_id = 'a b'\n", no, no, "i", true, "", ""},
		{"an id that is no text", tokens + "gateway_id = 1\n", no, no, "i", true, "", ""},
		{"an impossible method", driver + "supervisor_sideload_method = 'copy'\n", no, no, "i", true, "", ""},
		{"an impossible recorded id", tokens, "a b", "unset", "i", true, "", ""},
		{"an empty recorded id", tokens, "", "unset", "i", true, "", ""},
		{"an impossible recorded method", tokens, "main", "copy", "i", true, "", ""},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.107"})
		if err != nil {
			t.Fatal(err)
		}
		volume := Volume{Claim: &corev1.PersistentVolumeClaim{}, Image: c.image}
		if c.image == "keys" {
			volume.Image, volume.TokenKeys = "", true
		}
		volume.Claim.Annotations = map[string]string{annotationHighestVersion: "0.0.107", annotationKeyPath: gatewaytoml.SubdirKeyPath}
		if c.config != no {
			volume.Files, volume.FileKeys = map[string]string{ConfigKey: c.config}, []string{ConfigKey}
		}
		for annotation, value := range map[string]string{annotationGatewayID: c.id, annotationSideloadMethod: c.method} {
			if value != no {
				volume.Claim.Annotations[annotation] = value
			}
		}
		err = tenant.CheckEarlierConfig(volume)
		if c.held {
			rejected := (*RejectedError)(nil)
			command := "kubectl annotate --overwrite pvc " + ClaimName + " -n tenant-a " + annotationGatewayID + "=tenant-a " + annotationSideloadMethod + "=" + initial
			if !errors.As(err, &rejected) || rejected.Reason != v1alpha1.ReasonEarlierConfigUnknown || !strings.Contains(err.Error(), command) {
				t.Errorf("%s: %v; want it held, with the command %q", c.what, err, command)
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
		recorded, rendered := keptIn(t, objects)
		if want := (gatewaytoml.Kept{GatewayID: c.wantID, SideloadMethod: c.wantMethod}); rendered != want {
			t.Errorf("%s: gateway.toml has %+v, want %+v", c.what, rendered, want)
		}
		// Once the claim is written, it decides alone.
		after := Volume{Claim: &corev1.PersistentVolumeClaim{}, Image: c.image}
		after.Claim.Annotations = map[string]string{annotationGatewayID: recorded.GatewayID, annotationSideloadMethod: recorded.SideloadMethod, annotationKeyPath: gatewaytoml.SubdirKeyPath}
		again, err := Render(tenant, RenderInput{Volume: after})
		if err != nil || NeedsEarlierConfig(after) || tenant.CheckEarlierConfig(after) != nil {
			t.Fatalf("%s: %v, %v", c.what, err, tenant.CheckEarlierConfig(after))
		}
		if recordedAgain, renderedAgain := keptIn(t, again); recordedAgain != recorded || renderedAgain != rendered {
			t.Errorf("%s: once the claim is written, it records %+v and gateway.toml has %+v", c.what, recordedAgain, renderedAgain)
		}
	}
}

// newGatewayTOML returns the gateway.toml of a new gateway.
func newGatewayTOML(t *testing.T, tenant Tenant) string {
	t.Helper()
	text, err := tenant.config.Text(gatewaytoml.SubdirKeyPath, gatewaytoml.NewKept(tenant.Namespace))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestExistingGatewaysKeepTheirConfig: an upgrade of the operator must not change gateway.toml by a byte. The earlier operator
// rendered all but the sideload method.
func TestExistingGatewaysKeepTheirConfig(t *testing.T) {
	line := regexp.MustCompile(`(?m)^supervisor_sideload_method = .*\n`)
	for _, version := range release.Supported() {
		if !release.Of(version).Sideload {
			continue
		}
		for _, config := range []string{"", "openshell.gateway.log_level = 'debug'\nopenshell.drivers.kubernetes.default_image = 'x:1'"} {
			tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + version.String(), Config: config})
			if err != nil {
				t.Fatal(err)
			}
			earlier := line.ReplaceAllString(newGatewayTOML(t, tenant), "")
			if earlier == newGatewayTOML(t, tenant) {
				t.Fatalf("%s: no sideload method is rendered for a new gateway", version)
			}
			known := used(version.String(), gatewayRepository+version.String())
			known.Claim.Annotations[annotationKeyPath] = gatewaytoml.SubdirKeyPath
			byHash := known
			known.Files, byHash.ConfigHash = map[string]string{ConfigKey: earlier}, hash(earlier)
			known.FileKeys = []string{ConfigKey}
			for what, volume := range map[string]Volume{"its ConfigMap": known, "the hash in its StatefulSet": byHash} {
				if err := tenant.CheckEarlierConfig(volume); err != nil {
					t.Errorf("%s, %s: %v", version, what, err)
				}
				objects, err := Render(tenant, RenderInput{Volume: volume})
				if err != nil {
					t.Fatal(err)
				}
				for _, object := range objects.Foundation {
					if object.GetKind() == "ConfigMap" {
						text, _, _ := unstructured.NestedString(object.Object, "data", ConfigKey)
						if diff := cmp.Diff(earlier, text); diff != "" {
							t.Errorf("%s, with %s: gateway.toml changes: %s", version, what, diff)
						}
					}
				}
			}
		}
	}
}

// TestSideloadMethodInConfigWins, and stays if it is removed from spec.config of a gateway of the earlier operator.
func TestSideloadMethodInConfigWins(t *testing.T) {
	const own = "openshell.drivers.kubernetes.supervisor_sideload_method = 'image-volume'"
	for _, recorded := range []string{"", gatewaytoml.SideloadInitContainer, gatewaytoml.SideloadUnset} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Config: own})
		if err != nil {
			t.Fatal(err)
		}
		volume := used("0.0.71", gatewayRepository+"0.0.71")
		text := newGatewayTOML(t, tenant)
		volume.Files, volume.FileKeys = map[string]string{ConfigKey: text}, []string{ConfigKey}
		want := "image-volume" // the earlier text decides
		if recorded != "" {
			volume.Claim.Annotations[annotationGatewayID], volume.Claim.Annotations[annotationSideloadMethod] = "tenant-a", recorded
			want = recorded
		}
		objects, err := Render(tenant, RenderInput{Volume: volume})
		if err != nil {
			t.Fatal(err)
		}
		if is, rendered := keptIn(t, objects); rendered.SideloadMethod != "image-volume" || is.SideloadMethod != want {
			t.Errorf("recorded %q: gateway.toml has %q and the claim records %q, want %q", recorded, rendered.SideloadMethod, is.SideloadMethod, want)
		}
	}
}

// TestGatewayIDInConfigCannotDiffer: it may be repeated, and must not be overridden without a word.
func TestGatewayIDInConfigCannotDiffer(t *testing.T) {
	tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Config: "openshell.gateway.gateway_jwt.gateway_id = 'tenant-a'"})
	if err != nil {
		t.Fatal(err)
	}
	for id, refused := range map[string]bool{"tenant-a": false, "openshell": true} {
		volume := used("0.0.71", gatewayRepository+"0.0.71")
		volume.Claim.Annotations[annotationGatewayID], volume.Claim.Annotations[annotationSideloadMethod] = id, gatewaytoml.SideloadUnset
		err := tenant.CheckEarlierConfig(volume)
		rejected := (*RejectedError)(nil)
		if is := errors.As(err, &rejected) && rejected.Reason == v1alpha1.ReasonInvalidConfig; is != refused || err != nil && !is {
			t.Errorf("recorded %s: %v", id, err)
		}
	}
}

// TestGatewayIDOfAnotherNameSaysNoValue: which gateway_id a gateway keeps is only known with its volume. The value in the message
// would be wrong for a gateway that was adopted.
func TestGatewayIDOfAnotherNameSaysNoValue(t *testing.T) {
	for _, table := range []string{"gateway.gateway_jwt", "drivers.kubernetes"} {
		_, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.107", Config: "openshell." + table + ".gateway_id = 'main'"})
		if err == nil || !strings.Contains(err.Error(), "managed by the operator; remove this key") || strings.Contains(err.Error(), "tenant-a") {
			t.Errorf("%s: %v", table, err)
		}
	}
}

// TestAudienceOfAnExtensionIsNotTheGatewaysOwn: a gateway does not start with it. Its own has the gateway_id that it keeps.
func TestAudienceOfAnExtensionIsNotTheGatewaysOwn(t *testing.T) {
	const interceptor = "openshell.gateway.interceptors = [{name = 'a', grpc_endpoint = 'https://a', audience = 'openshell-gateway:%s'%s}]"
	const middleware = "openshell.supervisor.middleware = [{name = 'a', grpc_endpoint = 'https://a', max_payload_bytes = 1, audience = 'openshell-gateway:%s'%s}]"
	for _, c := range []struct {
		what, config, version, kept, audience, more string
		refused                                     bool
	}{
		{"a new gateway", interceptor, "0.0.107", "", "tenant-a", "", true},
		{"a new gateway's middleware", middleware, "0.0.107", "", "tenant-a", "", true},
		{"a new gateway, another id", interceptor, "0.0.107", "", "main", "", false},
		{"an adopted gateway", interceptor, "0.0.107", "main", "main", "", true},
		{"an adopted gateway, its namespace", interceptor, "0.0.107", "main", "tenant-a", "", false},
		{"an adopted gateway, without a token", interceptor, "0.0.107", "main", "main", ", allow_insecure_transport = true", false},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + c.version, Config: fmt.Sprintf(c.config, c.audience, c.more)})
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		volume := Volume{}
		if c.kept != "" {
			volume = used(c.version, gatewayRepository+c.version)
			volume.Claim.Annotations[annotationGatewayID], volume.Claim.Annotations[annotationSideloadMethod] = c.kept, gatewaytoml.SideloadUnset
		}
		err = tenant.CheckEarlierConfig(volume)
		rejected := (*RejectedError)(nil)
		if is := errors.As(err, &rejected) && rejected.Reason == v1alpha1.ReasonInvalidConfig; is != c.refused || err != nil && !is {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
