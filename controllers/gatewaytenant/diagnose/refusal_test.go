package diagnose

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// TestRefusedSaysWhatToDo for each kind of text with which an API server refuses a write.
func TestRefusedSaysWhatToDo(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a quota", `persistentvolumeclaims "a" is forbidden: exceeded quota: storage, requested: requests.storage=50Ti, used: requests.storage=2Gi, limited: requests.storage=10Gi`,
			"free or raise the quota; see: kubectl describe resourcequota storage -n tenant-a"},
		{"a quota that requires limits", `pods "a" is forbidden: failed quota: compute: must specify limits.cpu for: mesh`,
			"free or raise the quota; see: kubectl describe resourcequota compute -n tenant-a"},
		{"the ratio of a LimitRange", `pods "a" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000`, "change the LimitRange"},
		{"the minimum of a LimitRange", `pods "a" is forbidden: [minimum cpu usage per Container is 250m, but request is 100m, minimum memory usage per Container is 1Gi, but request is 64Mi]`, "change the LimitRange"},
		{"the minimum of a LimitRange for claims", `persistentvolumeclaims "a" is forbidden: minimum storage usage per PersistentVolumeClaim is 5Gi, but request is 1Gi`, "set spec.storage.size"},
		{"a policy", `networkpolicies.networking.k8s.io "a" is forbidden: ValidatingAdmissionPolicy 'no-netpol' with binding 'b' denied request: not here`,
			"let the policy admit this object; see: kubectl get validatingadmissionpolicy no-netpol -o yaml"},
		{"a webhook", `admission webhook "validate.kyverno.svc" denied the request: labels are missing`, "let the policy behind the admission webhook validate.kyverno.svc admit this object"},
		{"a webhook that does not answer", `Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://a.b.svc:443/": no endpoints available`, "restore the service of the admission webhook a.example.com"},
		{"a storage class", `persistentvolumeclaims "a" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`, "set spec.storage.size to the size that the claim has"},
		{"a role", `services is forbidden: User "system:serviceaccount:a:b" cannot patch resource "services" in API group "" in the namespace "tenant-a"`, "apply the roles of its release again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cause := &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonInvalid, Message: test.text}} // as of a policy
			err := Refused(fmt.Errorf("applying it: %w", cause), "PersistentVolumeClaim", "a", "tenant-a")
			if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "applying it: "+test.text+"; ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q", err, test.want)
			}
		})
	}
	reset := errors.New("connection reset by peer")
	if err := Refused(reset, "Service", "a", "tenant-a"); !errors.Is(err, reset) || err.Error() != reset.Error() {
		t.Errorf("got %q for an error of the network", err)
	}
	forged := errors.New("exceeded quota: $(id), ValidatingAdmissionPolicy '$(id)' with binding 'b' denied request")
	if err := Refused(forged, "Service", "a", "tenant-a"); err.Error() != forged.Error() {
		t.Errorf("got %q: text of others is in a command", err)
	}
	if err := Refused(nil, "Service", "a", "tenant-a"); err != nil {
		t.Errorf("got %q without an error", err)
	}
}

// TestImmutableObjectIsDeletedOnlyWithoutLoss: no command deletes the volume claim, or with the StatefulSet what it owns.
func TestImmutableObjectIsDeletedOnlyWithoutLoss(t *testing.T) {
	for kind, want := range map[string]string{
		"StatefulSet":           "kubectl delete statefulset a -n tenant-a --cascade=orphan && kubectl delete pod openshell-gateway-0 -n tenant-a; ",
		"ConfigMap":             "kubectl delete configmap a -n tenant-a; ",
		"Service":               "kubectl delete service a -n tenant-a; ",
		"Job":                   "kubectl delete job a -n tenant-a; ",
		"ClusterRoleBinding":    "kubectl delete clusterrolebinding a; ",
		"PersistentVolumeClaim": "",
		"Secret":                "",
	} {
		t.Run(kind, func(t *testing.T) {
			own := errors.New("ValidatingAdmissionPolicy 'gatewaytenant-operator-workloads' with binding 'b' denied request: its pods have one container")
			if err := Refused(own, kind, "a", "tenant-a"); !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want %q", err, want)
			}
			invalid := apierrors.NewInvalid(schema.GroupKind{Kind: kind}, "a", field.ErrorList{field.Forbidden(field.NewPath("spec"), "field is immutable")})
			err := Refused(fmt.Errorf("applying it: %w", invalid), kind, "a", "tenant-a")
			if want == "" && strings.Contains(err.Error(), "delete") || !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}
