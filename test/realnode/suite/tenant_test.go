//go:build linux

package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	contract "github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// TestReleases shows that gateways of all releases start with what the operator renders, on a volume whose root the kubelet
// gave to root and the gateway's group. A client without a certificate gets nothing from them but what is public, and a supervisor gets
// a token for the one of its pod.
func TestReleases(t *testing.T) {
	for _, release := range releases {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			namespace := "release-" + strings.ReplaceAll(release, ".", "-")
			cluster.CreateTenant(t, namespace, v1alpha1.GatewayTenantSpec{Image: gatewayImage(release)})
			eventuallyReady(t, namespace)

			job := get(t, &batchv1.Job{}, namespace, manifests.CertgenName)
			if job.Status.Succeeded != 1 || job.Status.Failed != 0 {
				t.Errorf("certgen: %d pods succeeded and %d failed, want 1 and 0", job.Status.Succeeded, job.Status.Failed)
			}
			pod := get(t, &corev1.Pod{}, namespace, manifests.GatewayName+"-0")
			if restarts := pod.Status.ContainerStatuses[0].RestartCount; restarts != 0 {
				t.Errorf("the gateway restarted %d times", restarts)
			}
			volume := volumeOf(t, namespace)
			if err := checkOwner(volume, 0, os.ModeDir|os.ModeSetgid|0o775); err != nil {
				t.Error(err)
			}
			// No other process creates it, and it shows that the volume is the one that the gateway uses.
			if err := checkOwner(filepath.Join(volume, "openshell.db"), 1000, 0o600); err != nil {
				t.Error(err)
			}
			r, _ := contract.ParseRelease(release)
			checkStranger(t, gateway{namespace}, r, true)
			if r.ReadsSchema2() {
				checkSupervisor(t, gateway{namespace})
			}
		})
	}
}

// volumeOf returns the directory that is a tenant's volume.
func volumeOf(t *testing.T, namespace string) string {
	t.Helper()
	claim := get(t, &corev1.PersistentVolumeClaim{}, namespace, manifests.ClaimName)
	if claim.Status.Phase != corev1.ClaimBound {
		t.Fatalf("the claim %s/%s is %s", namespace, claim.Name, claim.Status.Phase)
	}
	return node.VolumeDir(claim.Spec.VolumeName)
}

// checkOwner returns an error unless a file has this owner and mode, and belongs to the group of the volume.
func checkOwner(path string, user uint32, mode os.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	const group = 1000
	is := info.Sys().(*syscall.Stat_t)
	if is.Uid != user || is.Gid != group || info.Mode() != mode {
		return fmt.Errorf("%s is %d:%d %v, want %d:%d %v", path, is.Uid, is.Gid, info.Mode(), user, group, mode)
	}
	return nil
}
