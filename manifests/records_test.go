package manifests

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests/gatewaytoml"
)

// TestImpossibleRecordsHoldTheTenant: other clients can write the annotations of a claim. A value that cannot be is no reason to choose
// another one, since the wrong one loses data. The message has the command that goes on.
func TestImpossibleRecordsHoldTheTenant(t *testing.T) {
	recorded := map[string]string{
		annotationHighestVersion: "0.0.111", annotationKeyPath: gatewaytoml.SubdirKeyPath,
		annotationGatewayID: "tenant-a", annotationSideloadMethod: gatewaytoml.SideloadInitContainer,
	}
	const annotate = "kubectl annotate --overwrite pvc " + ClaimName + " -n tenant-a "
	for _, c := range []struct {
		name, annotation, reason string
		wayOut                   []string
	}{
		{"the highest version", annotationHighestVersion, v1alpha1.ReasonVersionHeld, []string{"kubectl annotate --overwrite gwt openshell-gateway -n tenant-a " + v1alpha1.AnnotationConfirmVersion + "=0.0.111"}},
		{"the key path", annotationKeyPath, v1alpha1.ReasonKeyPathUnknown, []string{annotate + annotationKeyPath + "=" + gatewaytoml.RootKeyPath, annotate + annotationKeyPath + "=" + gatewaytoml.SubdirKeyPath}},
		{"the gateway_id", annotationGatewayID, v1alpha1.ReasonEarlierConfigUnknown, []string{annotate + annotationGatewayID + "=tenant-a"}},
		{"the sideload method", annotationSideloadMethod, v1alpha1.ReasonEarlierConfigUnknown, []string{annotate, annotationSideloadMethod + "=" + gatewaytoml.SideloadInitContainer}},
	} {
		for _, garbage := range []string{"", " ", "?", "../../etc", "0.0.111 ", strings.Repeat("9", 300), "\x1b[31mred"} {
			tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Image: gatewayRepository + "0.0.111"})
			if err != nil {
				t.Fatal(err)
			}
			volume := used("0.0.111", "-") // no gateway runs that could tell
			maps.Copy(volume.Claim.Annotations, recorded)
			volume.Claim.Annotations[c.annotation] = garbage
			err = errors.Join(tenant.CheckDowngrade(volume), tenant.CheckKeyPath(volume), tenant.CheckEarlierConfig(volume))
			rejected, is := errors.AsType[*RejectedError](err)
			if !is || rejected.Reason != c.reason {
				t.Errorf("%s is %q: %v, want reason %s", c.name, garbage, err, c.reason)
				continue
			}
			for _, want := range c.wayOut {
				if !strings.Contains(rejected.Message, want) {
					t.Errorf("%s is %q: the message %q does not contain %q", c.name, garbage, rejected.Message, want)
				}
			}
			if strings.Contains(rejected.Message, "\x1b") || len(rejected.Message) > 2000 {
				t.Errorf("%s is %q: the message is %q", c.name, garbage, rejected.Message)
			}
		}
	}
}
