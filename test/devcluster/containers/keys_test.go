package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestGatewayStartsOnlyWithAKeyItCanCreateOrFind(t *testing.T) {
	const root, subdir = "/var/openshell/kek", "/var/openshell/credentials/kek"
	type start struct{ version, key, refusal string }
	for _, c := range []struct {
		what, owner string
		starts      []start
	}{
		{"in the volume's root", "", []start{{"0.0.100", root, "permissions on /var/openshell"}, {"0.0.100", subdir, ""}}},
		{"in a root that is the gateway's", ownedByGateway, []start{{"0.0.100", root, ""}, {"0.0.111", root, ""}, {"0.0.111", subdir, "different key-encryption key"}}},
		{"in a subdirectory", "", []start{{"0.0.100", subdir, ""}, {"0.0.111", root, "permissions on /var/openshell"}, {"0.0.111", subdir, ""}}},
		{"of a version without one", "", []start{{"0.0.99", root, ""}, {"0.0.100", subdir, ""}}},
	} {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "a", UID: "1", Annotations: map[string]string{annotationRootOwner: c.owner}}}
		k := &kubelet{client: fake.NewClientBuilder().WithObjects(claim).Build()}
		for _, s := range c.starts {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "a"}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Image: "gateway:" + s.version, Args: []string{"--config", "/g.toml"}, VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/var/openshell"}}}},
				Volumes:    []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}}},
			}}
			text := "[openshell.gateway.credential_storage]\nkey_encryption_key_path = '" + s.key + "'"
			err := k.checkKey(t.Context(), pod, map[string][]byte{"/g.toml": []byte(text)})
			if (err == nil) != (s.refusal == "") || err != nil && !strings.Contains(err.Error(), s.refusal) {
				t.Errorf("%s: %s with %s: %v; want %q", c.what, s.version, s.key, err, s.refusal)
			}
		}
	}
}
