package hostile

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// decoded returns the object that is sent to the path that ends so.
func decoded[T any](t *testing.T, sent map[string]string, end string) T {
	t.Helper()
	var object T
	for url, body := range sent {
		if strings.HasSuffix(url, end) {
			if err := json.Unmarshal([]byte(body), &object); err != nil {
				t.Fatal(err)
			}
			return object
		}
	}
	t.Fatalf("nothing is sent to %s", end)
	return object
}

// mountedConfig returns the gateway.toml that a kubelet mounts at the path that the gateway gets, and whether it is a regular file.
func mountedConfig(t *testing.T, sent map[string]string) (text []byte, isRegular bool) {
	t.Helper()
	pod := decoded[appsv1.StatefulSet](t, sent, "/statefulsets/"+manifests.GatewayName).Spec.Template.Spec
	data := decoded[corev1.ConfigMap](t, sent, "/configmaps/"+manifests.ConfigName).Data
	name := gateway.ConfigPath(pod.Containers[0].Args)
	for _, mount := range pod.Containers[0].VolumeMounts {
		file := path.Base(name)
		if isRegular = mount.SubPath != ""; isRegular {
			file = mount.SubPath
		}
		if mount.MountPath != name && (isRegular || mount.MountPath != path.Dir(name)) {
			continue
		}
		volume := pod.Volumes[slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })]
		for _, item := range volume.ConfigMap.Items {
			if item.Path == file {
				return []byte(data[item.Key]), isRegular
			}
		}
		return []byte(data[file]), isRegular
	}
	t.Fatalf("nothing is mounted at %s", name)
	return nil, false
}

// checkGateway returns an error unless a gateway of the release starts with what is sent, and admits no stranger.
func checkGateway(t *testing.T, r gateway.Release, sent map[string]string) error {
	t.Helper()
	text, isRegular := mountedConfig(t, sent)
	if r.ReadsSchema2() && !isRegular {
		return errors.New("gateway.toml is a symbolic link, with which the gateway does not start")
	}
	role := "gatewaytenant-sandboxes"
	if r.ReadsSchema2() {
		role += "-v2"
	}
	isBound := false
	for url, body := range sent {
		var binding rbacv1.RoleBinding
		if !strings.Contains(url, "/rolebindings/") {
			continue
		}
		if err := json.Unmarshal([]byte(body), &binding); err != nil {
			return err
		}
		isBound = isBound || binding.RoleRef.Name == role && binding.Subjects[0].Name == manifests.GatewayName
	}
	if !isBound {
		return fmt.Errorf("the gateway does not get the ClusterRole %s", role)
	}
	config, err := gateway.Parse(r, "gateway.toml", text)
	if err != nil {
		return err
	}
	return checkStranger(config)
}

// checkStranger returns an error if a gateway admits a client that has neither a certificate nor a token.
func checkStranger(config *gateway.Config) error {
	var tokens *gateway.Tokens
	if config.OpenShell.Gateway.JWT != nil {
		tokens = &gateway.Tokens{} // a stranger has none, so the keys do not matter
	}
	if caller, err := config.Identify(tokens, gateway.Caller{}, time.Now()); err == nil && !config.DemandsCertificates() {
		return fmt.Errorf("a client without a certificate and a token is %s", caller)
	}
	return nil
}
