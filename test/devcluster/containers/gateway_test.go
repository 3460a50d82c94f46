package main

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

const starts = `
[openshell.gateway]
bind_address = "0.0.0.0:8080"
health_bind_address = "0.0.0.0:8081"
disable_tls = true
[openshell.drivers.kubernetes]
`

// podOf returns a gateway's pod with this image and a volume.
func podOf(image string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a"}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{
			Image: image, Args: []string{"--config", "/g.toml"}, VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/var/openshell"}},
		}},
		Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"},
		}}},
	}}
}

// kubeletWith returns a kubelet of a cluster with the claim of that volume.
func kubeletWith(annotations map[string]string) *kubelet {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "a", UID: "1", Annotations: annotations}}
	return &kubelet{client: fake.NewClientBuilder().WithObjects(claim).Build(), volumes: map[types.UID]*volume{}}
}

func TestGatewayIsReadyOnlyIfItIsReached(t *testing.T) {
	for _, c := range []struct {
		what, old, changed string
		refusal            string // empty if the gateway starts
		unready            bool   // the gateway starts and never becomes ready
	}{
		{"as it should be", "", "", "", false},
		{"no TOML", "[openshell.gateway]", "[openshell.gateway", "cannot be parsed", false},
		{"a certificate that is not mounted", "disable_tls = true", `tls = {cert_path = "/tls.crt", key_path = "/tls.key"}`, "cert file: No such file", false},
		{"clients' port on loopback", "0.0.0.0:8080", "127.0.0.1:8080", "reach", true},
		{"no clients' port", `bind_address = "0.0.0.0:8080"`, "", "reach", true},
		{"health on loopback", "0.0.0.0:8081", "[::1]:8081", "refused", true},
		{"no health", `health_bind_address = "0.0.0.0:8081"`, "", "refused", true},
	} {
		t.Run(c.what, func(t *testing.T) {
			text := strings.Replace(starts, c.old, c.changed, 1)
			err := kubeletWith(nil).startGateway(t.Context(), podOf("gateway:0.0.71"), files{"/g.toml": {content: []byte(text)}})
			switch {
			case c.refusal == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), c.refusal):
				t.Errorf("%v; want it refused because of %q", err, c.refusal)
			case errors.As(err, new(unreadyError)) != c.unready:
				t.Errorf("unready %v, want %v", !c.unready, c.unready)
			}
		})
	}
}

func TestGatewayStartsOnlyOnAVolumeThatItCanUse(t *testing.T) {
	const root, subdir = "/var/openshell/kek", "/var/openshell/credentials/kek"
	type start struct{ version, key, refusal string }
	for _, c := range []struct {
		what, owner string
		starts      []start
	}{
		{"in the volume's root", "", []start{{"0.0.100", root, "permissions on /var/openshell"}, {"0.0.100", subdir, ""}}},
		{"in a root that is the gateway's", ownedByGateway, []start{
			{"0.0.100", root, ""}, {"0.0.106", root, ""}, {"0.0.106", subdir, "different key-encryption key"},
		}},
		{"in a subdirectory", "", []start{{"0.0.100", subdir, ""}, {"0.0.106", root, "permissions on /var/openshell"}, {"0.0.106", subdir, ""}}},
		{"outside of the volume", "", []start{{"0.0.100", "/tmp/keys/kek", "permissions on /tmp/keys"}}},
		{"of a version without one", "", []start{{"0.0.99", "", ""}, {"0.0.100", subdir, ""}}},
		{"by default", "", []start{{"0.0.100", "", ""}, {"0.0.106", "", ""}}},
		{"after a migration", "", []start{
			{"0.0.71", "", ""}, {"0.0.88", "", ""}, {"0.0.99", "", ""}, {"0.0.71", "", "migration 6 was previously applied"},
		}},
		{"after one that failed later", "", []start{{"0.0.100", root, "permissions on"}, {"0.0.71", "", "migration 6 was previously applied"}}},
		{"with an image that does not tell", "", []start{{"0.0.100", "", ""}, {"latest", "", ""}, {"0.0.71", "", "migration 6"}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			k := kubeletWith(map[string]string{annotationRootOwner: c.owner})
			for _, s := range c.starts {
				text := starts
				if s.key != "" {
					text = strings.Replace(text, "disable_tls", "credential_storage.key_encryption_key_path = '"+s.key+"'\ndisable_tls", 1)
				}
				err := k.startGateway(t.Context(), podOf("gateway:"+s.version), files{"/g.toml": {content: []byte(text)}})
				if (err == nil) != (s.refusal == "") || err != nil && !strings.Contains(err.Error(), s.refusal) {
					t.Errorf("%s with %s: %v; want %q", s.version, s.key, err, s.refusal)
				}
			}
		})
	}
}

func ownerOf(kind string, controller *bool) metav1.OwnerReference {
	return metav1.OwnerReference{Kind: kind, Controller: controller}
}
