package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// driftLimit is the time in which the operator undoes a change of somebody else. It takes far less than 2 s; the rest
// is for slow machines.
const driftLimit = 5 * time.Second

// componentLabel is a label of ours that is on every object, as a JSON pointer.
const componentLabel = "/metadata/labels/app.kubernetes.io~1component"

// driftSpec is that of the tenants whose objects are changed.
func driftSpec() v1alpha1.GatewayTenantSpec {
	return v1alpha1.GatewayTenantSpec{
		ServerDNSNames: []string{"gateway.example.com"}, Config: "openshell.gateway.log_level = 'debug'",
		Network: v1alpha1.Network{AllowedClients: []v1alpha1.AllowedClient{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "client"}}}}},
	}
}

// driftObjects are the objects of a tenant that the operator keeps as they are, without contents. Secrets and the
// certgen Job are none of them: Secrets are checked for what they are good for, and a Job cannot be changed.
func driftObjects(namespace string) []*unstructured.Unstructured {
	object := func(apiVersion, kind, name string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{}
		o.SetAPIVersion(apiVersion)
		o.SetKind(kind)
		o.SetNamespace(namespace)
		o.SetName(name)
		return o
	}
	const rbac, network = "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1"
	binding := object(rbac, "ClusterRoleBinding", manifests.NodeReaderPrefix+namespace)
	binding.SetNamespace("")
	return []*unstructured.Unstructured{
		object("apps/v1", "StatefulSet", manifests.GatewayName),
		object("v1", "Service", manifests.GatewayName),
		object("v1", "PersistentVolumeClaim", manifests.ClaimName),
		object("v1", "ConfigMap", manifests.ConfigName),
		object("v1", "ServiceAccount", manifests.GatewayName),
		object("v1", "ServiceAccount", manifests.SandboxName),
		object("v1", "ServiceAccount", manifests.CertgenName),
		object(rbac, "RoleBinding", manifests.SandboxName),
		object(rbac, "RoleBinding", manifests.CertgenName),
		binding,
		object(network, "NetworkPolicy", manifests.SandboxSSHName),
		object(network, "NetworkPolicy", manifests.SandboxSSHLabelName),
		object(network, "NetworkPolicy", manifests.ClientsName),
	}
}

func driftName(object *unstructured.Unstructured) string {
	return object.GetKind() + "/" + object.GetName()
}

// driftObject is the one of a tenant's objects that has this kind and name, as it is.
func driftObject(t *testing.T, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range driftObjects(namespace) {
		if driftName(object) == name {
			return get(t, object, object.GetNamespace(), object.GetName())
		}
	}
	t.Fatalf("no object is called %s", name)
	return nil
}

// operation is one operation of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"` // a removal's is ignored
}

// patchAsSomebody changes a live object as a person would who is not the operator, and returns what it became.
func patchAsSomebody(ctx context.Context, object *unstructured.Unstructured, operations ...operation) (*unstructured.Unstructured, error) {
	patch, err := json.Marshal(operations)
	if err != nil {
		return nil, err
	}
	patched := object.DeepCopy()
	return patched, admin.Patch(ctx, patched, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner("somebody"))
}

// content is what an object says, less what the server and other controllers say about it.
func content(object *unstructured.Unstructured) map[string]any {
	said := object.DeepCopy().Object
	delete(said, "status")
	metadata := map[string]any{}
	for _, key := range []string{"labels", "annotations", "ownerReferences", "finalizers"} {
		if value, there := said["metadata"].(map[string]any)[key]; there {
			metadata[key] = value
		}
	}
	said["metadata"] = metadata
	return said
}

// waitSame waits until an object says again what it said.
func waitSame(t *testing.T, was *unstructured.Unstructured) {
	t.Helper()
	cluster.Eventually(t, driftLimit, func() error {
		is := was.NewEmptyInstance().(*unstructured.Unstructured)
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(was), is); err != nil {
			return err
		}
		if diff := cmp.Diff(content(was), content(is)); diff != "" {
			return fmt.Errorf("%s is not as it was (-was +is):\n%s", driftName(was), changedLines(diff))
		}
		return nil
	})
}

// changedLines are the lines of a diff that say what changed.
func changedLines(diff string) string {
	lines := slices.DeleteFunc(strings.Split(diff, "\n"), func(line string) bool { return !strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "+") })
	return strings.Join(lines, "\n")
}

// putBack does what the operator failed to do, so that one failure is not the cause of others.
func putBack(t *testing.T, was *unstructured.Unstructured) {
	t.Helper()
	var operations []operation
	for key, value := range content(was) {
		switch key {
		case "apiVersion", "kind":
		case "metadata":
			for key, value := range value.(map[string]any) {
				operations = append(operations, operation{"add", "/metadata/" + key, value})
			}
		default:
			operations = append(operations, operation{"add", "/" + key, value})
		}
	}
	if _, err := patchAsSomebody(t.Context(), was, operations...); err != nil {
		t.Fatal(err)
	}
	operator.waitIdle(t, writesTo(was.GetNamespace())) // It takes its fields again.
}

// foreign is an element that somebody adds to a list of ours, or another change of a list.
type foreign struct {
	object string // kind/name
	change operation
}

// foreignElements are changes to every kind of list that the objects of a tenant have in them, and to what
// decides whether a StatefulSet updates its pod, and which pod that is.
func foreignElements(namespace string) map[string]foreign {
	const pod, container = "/spec/template/spec", "/spec/template/spec/containers/0"
	set, service := "StatefulSet/"+manifests.GatewayName, "Service/"+manifests.GatewayName
	type object = map[string]any
	appended := func(name, list string, element any) foreign {
		return foreign{name, operation{"add", list + "/-", element}}
	}
	subject := object{"kind": "ServiceAccount", "name": "stranger", "namespace": "default"}
	rule := object{"from": []any{object{"namespaceSelector": object{}}}}
	sidecar := object{"name": "stranger", "image": "example.com/stranger:1"}
	return map[string]foreign{
		"Service port":              appended(service, "/spec/ports", object{"name": "stranger", "port": 7070, "protocol": "TCP"}),
		"Service port by protocol":  appended(service, "/spec/ports", object{"name": "stranger", "port": 8080, "protocol": "UDP"}),
		"Service port renumbered":   {service, operation{"replace", "/spec/ports/0/port", 9999}},
		"container":                 appended(set, pod+"/containers", sidecar),
		"init container":            {set, operation{"add", pod + "/initContainers", []any{sidecar}}},
		"volume":                    appended(set, pod+"/volumes", object{"name": "stranger", "emptyDir": object{}}),
		"variable":                  appended(set, container+"/env", object{"name": "STRANGER", "value": "there"}),
		"container port":            appended(set, container+"/ports", object{"name": "stranger", "containerPort": 7070, "protocol": "TCP"}),
		"mount":                     appended(set, container+"/volumeMounts", object{"name": "openshell-data", "mountPath": "/stranger"}),
		"argument":                  appended(set, container+"/args", "--stranger"),
		"partition":                 {set, operation{"add", "/spec/updateStrategy/rollingUpdate", object{"partition": 1}}},
		"update strategy":           {set, operation{"replace", "/spec/updateStrategy", object{"type": "OnDelete"}}},
		"ordinal of the pod":        {set, operation{"add", "/spec/ordinals", object{"start": 1}}},
		"subject of sandboxes":      appended("RoleBinding/"+manifests.SandboxName, "/subjects", subject),
		"subject of certgen":        appended("RoleBinding/"+manifests.CertgenName, "/subjects", subject),
		"subject of node reader":    appended("ClusterRoleBinding/"+manifests.NodeReaderPrefix+namespace, "/subjects", subject),
		"rule of sandboxes":         appended("NetworkPolicy/"+manifests.SandboxSSHName, "/spec/ingress", rule),
		"rule of clients":           appended("NetworkPolicy/"+manifests.ClientsName, "/spec/ingress", rule),
		"rule of labeled sandboxes": appended("NetworkPolicy/"+manifests.SandboxSSHLabelName, "/spec/ingress", rule),
	}
}

// TestForeignListElementsGo: a list of ours says all that there is. An element that somebody adds would be a port, a
// container or a subject that nobody asked the operator for.
func TestForeignListElementsGo(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.MaxRestarts = 1000 })
	const namespace = "drift-lists"
	cluster.CreateTenant(t, namespace, driftSpec())
	waitReady(t, namespace)
	all := foreignElements(namespace)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		foreign := all[name]
		was := driftObject(t, namespace, foreign.object)
		if !t.Run(name, func(t *testing.T) {
			patched, err := patchAsSomebody(t.Context(), was, foreign.change)
			if err != nil {
				t.Fatal(err)
			}
			if cmp.Equal(content(was), content(patched)) {
				t.Fatal("this changed nothing")
			}
			waitSame(t, was)
		}) {
			putBack(t, was)
		}
	}
}

// TestOthersMetadataStays: labels, annotations and finalizers that are not ours survive what the operator writes.
func TestOthersMetadataStays(t *testing.T) {
	t.Parallel()
	const namespace = "drift-metadata"
	cluster.CreateTenant(t, namespace, driftSpec())
	waitReady(t, namespace)
	for _, object := range driftObjects(namespace) {
		live := get(t, object, object.GetNamespace(), object.GetName())
		changes := []operation{{"add", "/metadata/labels/example.com~1keep", "yes"}, {"add", "/metadata/annotations/example.com~1keep", "yes"}}
		if live.GetKind() == "ConfigMap" {
			changes = append(changes, operation{"add", "/metadata/finalizers", []string{"example.com/keep"}})
			t.Cleanup(func() {
				_, _ = patchAsSomebody(context.Background(), live, operation{"remove", "/metadata/finalizers", nil})
			})
		}
		was, err := patchAsSomebody(t.Context(), live, changes...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := patchAsSomebody(t.Context(), live, operation{"replace", componentLabel, "changed"}); err != nil {
			t.Fatal(err)
		}
		waitSame(t, was)
	}
}

// TestEnlargedVolumeStays: a claim can grow and never shrink, so its size is whoever's who enlarged it.
func TestEnlargedVolumeStays(t *testing.T) {
	t.Parallel()
	const namespace, size = "drift-volume", "/spec/resources/requests/storage"
	cluster.CreateTenant(t, namespace, driftSpec())
	waitReady(t, namespace)
	claim := driftObject(t, namespace, "PersistentVolumeClaim/"+manifests.ClaimName)
	if _, err := patchAsSomebody(t.Context(), claim, operation{"replace", size, "2Gi"}, operation{"replace", componentLabel, "changed"}); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, driftLimit, func() error {
		live := get(t, &corev1.PersistentVolumeClaim{}, namespace, claim.GetName())
		if live.Labels["app.kubernetes.io/component"] != "gateway" || live.Spec.Resources.Requests.Storage().String() != "2Gi" {
			return fmt.Errorf("labels %v, size %s", live.Labels, live.Spec.Resources.Requests.Storage())
		}
		return nil
	})
	waitReady(t, namespace)
}
