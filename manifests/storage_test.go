package manifests

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

func TestSizeIsAppliedWhereTheAPIServerAcceptsIt(t *testing.T) {
	const bound, pending, lost = corev1.ClaimBound, corev1.ClaimPending, corev1.ClaimLost
	for _, c := range []struct {
		what                string
		phase               corev1.PersistentVolumeClaimPhase
		requested, capacity string // capacity is empty if the claim does not say it
		size                string
		want                string // what the claim requests then
		rejected, differs   string // a word of the message; empty if there is none
	}{
		{"as it is", bound, "2Gi", "2Gi", "2Gi", "2Gi", "", ""},
		{"as it is, written otherwise", bound, "2Gi", "2Gi", "2048Mi", "2Gi", "", ""},
		{"as it is, in bytes", bound, "2Gi", "2Gi", "2147483648", "2Gi", "", ""},
		{"no size", bound, "7Gi", "7Gi", "", "7Gi", "", ""},
		{"growth", bound, "2Gi", "2Gi", "3Gi", "3Gi", "", ""},
		{"growth that is under way", bound, "3Gi", "2Gi", "3Gi", "3Gi", "", ""},
		{"further growth meanwhile", bound, "3Gi", "2Gi", "4Gi", "4Gi", "", ""},
		{"less than it has", bound, "5Gi", "5Gi", "1Gi", "5Gi", "less than the 5Gi", ""},
		{"a failed expansion, withdrawn", bound, "50Ti", "2Gi", "2049Mi", "2049Mi", "", ""},
		{"a failed expansion, withdrawn to what the volume has", bound, "50Ti", "2Gi", "2Gi", "50Ti", "", "a little more than 2Gi"},
		{"a failed expansion, withdrawn too far", bound, "50Ti", "2Gi", "1Gi", "50Ti", "less than the 2Gi", ""},
		{"a failed expansion and no size", bound, "50Ti", "2Gi", "", "50Ti", "", ""},
		{"a volume larger than requested", bound, "1Gi", "10Gi", "1Gi", "1Gi", "", ""},
		{"less than such a volume", bound, "1Gi", "10Gi", "5Gi", "1Gi", "", "more than 10Gi"},
		{"all of such a volume", bound, "1Gi", "10Gi", "10Gi", "1Gi", "", "more than 10Gi"},
		{"more than such a volume", bound, "1Gi", "10Gi", "11Gi", "11Gi", "", ""},
		{"less than such a claim", bound, "1Gi", "10Gi", "500Mi", "1Gi", "less than the 1Gi", ""},
		{"a capacity that is not reported", bound, "2Gi", "", "1Gi", "2Gi", "less than the 2Gi", ""},
		{"growth of one", bound, "2Gi", "", "3Gi", "3Gi", "", ""},
		{"growth before it is bound", pending, "1Gi", "", "2Gi", "1Gi", "", "before it is bound"},
		{"less before it is bound", pending, "2Gi", "", "1Gi", "2Gi", "", "before it is bound"},
		{"before it has a phase", "", "1Gi", "", "2Gi", "1Gi", "", "before it is bound"},
		{"as it is before it is bound", pending, "2Gi", "", "2Gi", "2Gi", "", ""},
		{"growth of a volume that is lost", lost, "2Gi", "2Gi", "3Gi", "2Gi", "", "lost its volume"},
		{"less than a volume that is lost", lost, "2Gi", "2Gi", "1Gi", "2Gi", "", "lost its volume"},
		{"a volume restored larger", bound, "8Gi", "8Gi", "2Gi", "8Gi", "less than the 8Gi", ""},
		{"nonsense", bound, "2Gi", "2Gi", "much", "2Gi", "not a quantity", ""},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{Size: c.size}})
		if err != nil {
			t.Fatal(err)
		}
		volume := used("0.0.71", "-")
		volume.Claim.Status.Phase = c.phase
		volume.Claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.requested)}
		if c.capacity != "" {
			volume.Claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.capacity)}
		}
		if err := tenant.CheckStorage(volume); (err == nil) != (c.rejected == "") || err != nil && !strings.Contains(err.Error(), c.rejected) {
			t.Errorf("%s: %v; want it rejected with %q", c.what, err, c.rejected)
		}
		if differs := tenant.SizeDiffers(volume); (differs == "") != (c.differs == "") || !strings.Contains(differs, c.differs) {
			t.Errorf("%s: it warns %q; want %q", c.what, differs, c.differs)
		}
		requests := *claim(tenant, volume, false).Spec.Resources.Requests
		if is := requests[corev1.ResourceStorage]; is.String() != c.want {
			t.Errorf("%s: the claim would request %s, want %s", c.what, is.String(), c.want)
		}
	}
}

func TestClassThatTheClaimDoesNotHaveIsNotApplied(t *testing.T) {
	named := []metav1.ManagedFieldsEntry{{Manager: Manager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:storageClassName":{}}}`)}}
	for _, c := range []struct {
		what          string
		phase         corev1.PersistentVolumeClaimPhase
		has           string // "-" means that the claim has no class
		managedFields []metav1.ManagedFieldsEntry
		class         string
		want          string // what is applied; "-" means none
		rejected      bool
	}{
		{"as it is", corev1.ClaimBound, "fast", named, "fast", "fast", false},
		{"not named", corev1.ClaimBound, "fast", nil, "", "-", false},
		{"no longer named", corev1.ClaimBound, "fast", named, "", "fast", false},
		{"another than ours", corev1.ClaimBound, "fast", named, "slow", "fast", true},
		{"another than the default", corev1.ClaimBound, "fast", nil, "slow", "-", true},
		{"another than none at all", corev1.ClaimBound, "", nil, "slow", "-", true},
		{"another than one that is not bound", corev1.ClaimPending, "fast", named, "slow", "fast", true},
		{"one for a claim that is bound without", corev1.ClaimBound, "-", nil, "slow", "-", true},
		{"one for a claim that waits for one", corev1.ClaimPending, "-", nil, "slow", "slow", false},
	} {
		tenant, err := tenantOf(t, v1alpha1.GatewayTenantSpec{Storage: v1alpha1.Storage{StorageClassName: c.class}})
		if err != nil {
			t.Fatal(err)
		}
		volume := used("0.0.71", "-")
		volume.Claim.Status.Phase, volume.Claim.ManagedFields = c.phase, c.managedFields
		if c.has != "-" {
			volume.Claim.Spec.StorageClassName = &c.has
		}
		if err := tenant.CheckStorage(volume); (err != nil) != c.rejected {
			t.Errorf("%s: %v; want it rejected: %v", c.what, err, c.rejected)
		}
		is := "-"
		if class := claim(tenant, volume, false).Spec.StorageClassName; class != nil {
			is = *class
		}
		if is != c.want {
			t.Errorf("%s: class %q is applied, want %q", c.what, is, c.want)
		}
	}
}
