package e2e

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// refusals are the changes that the server does not let through, by kind of object and a word of its reason. All others
// are the operator's to undo.
var refusals = map[string]map[string][]string{
	"RoleBinding":        {"immutable": {"change .roleRef", "remove .roleRef"}},
	"ClusterRoleBinding": {"immutable": {"change .roleRef", "remove .roleRef"}},
	"PersistentVolumeClaim": {
		"immutable": {"change .spec.accessModes", "remove .spec.accessModes"},
		"Required":  {"remove .spec.resources.requests.storage"},
	},
	"Service": {
		"Required":        {`remove .spec.ports[port=8080,protocol="TCP"].name`, `remove .spec.ports[port=9090,protocol="TCP"].name`},
		"must be between": {`remove .spec.ports[port=8080,protocol="TCP"].port`, `remove .spec.ports[port=9090,protocol="TCP"].port`},
	},
	"StatefulSet": {
		"immutable": {
			"change .spec.podManagementPolicy", "change .spec.selector", "change .spec.serviceName", "change .spec.volumeClaimTemplates",
			"remove .spec.selector", "remove .spec.serviceName", "remove .spec.volumeClaimTemplates",
		},
		"only allowed":             {"change .spec.updateStrategy.type"},
		"allowPrivilegeEscalation": {"change container.securityContext.privileged"},
		"Not found": {
			`change template.spec.volumes[name="gateway-config"].name`, `remove template.spec.volumes[name="gateway-config"]`,
			`change template.spec.volumes[name="sandbox-jwt"].name`, `remove template.spec.volumes[name="sandbox-jwt"]`,
			`change template.spec.volumes[name="tls-cert"].name`, `remove template.spec.volumes[name="tls-cert"]`,
			`change template.spec.volumes[name="tls-client-ca"].name`, `remove template.spec.volumes[name="tls-client-ca"]`,
		},
		"does not match": {
			"change template.metadata.labels.app.kubernetes.io/instance", "change template.metadata.labels.app.kubernetes.io/name",
			"remove template.metadata.labels.app.kubernetes.io/instance", "remove template.metadata.labels.app.kubernetes.io/name",
		},
		"Required": {
			"remove container", `remove container.env[name="HOME"].name`, "remove container.image", "remove container.name",
			`remove container.ports[containerPort=8080,protocol="TCP"].containerPort`,
			`remove container.ports[containerPort=8081,protocol="TCP"].containerPort`,
			`remove container.ports[containerPort=9090,protocol="TCP"].containerPort`,
			`remove container.volumeMounts[mountPath="/etc/openshell"].mountPath`,
			`remove container.volumeMounts[mountPath="/etc/openshell"].name`,
			`remove container.volumeMounts[mountPath="/etc/openshell-jwt"].mountPath`,
			`remove container.volumeMounts[mountPath="/etc/openshell-jwt"].name`,
			`remove container.volumeMounts[mountPath="/etc/openshell-tls/client-ca"].mountPath`,
			`remove container.volumeMounts[mountPath="/etc/openshell-tls/client-ca"].name`,
			`remove container.volumeMounts[mountPath="/etc/openshell-tls/server"].mountPath`,
			`remove container.volumeMounts[mountPath="/etc/openshell-tls/server"].name`,
			`remove container.volumeMounts[mountPath="/var/openshell"].mountPath`,
			`remove container.volumeMounts[mountPath="/var/openshell"].name`, "remove template.spec.securityContext.seccompProfile.type",
			`remove template.spec.volumes[name="gateway-config"].name`, `remove template.spec.volumes[name="gateway-config"].configMap.name`,
			`remove template.spec.volumes[name="sandbox-jwt"].name`, `remove template.spec.volumes[name="sandbox-jwt"].secret.secretName`,
			`remove template.spec.volumes[name="tls-cert"].name`, `remove template.spec.volumes[name="tls-cert"].secret.secretName`,
			`remove template.spec.volumes[name="tls-client-ca"].name`, `remove template.spec.volumes[name="tls-client-ca"].secret.secretName`,
		},
		"must be between": {
			"remove container.livenessProbe.httpGet.port", "remove container.readinessProbe.httpGet.port",
			"remove container.startupProbe.httpGet.port",
		},
	},
}

// lasting are the changes that stay: the volume can only grow (TestEnlargedVolumeStays), and an administrator may correct what
// the claim records about the gateway that exists. Removed records come back.
var lasting = []string{
	"PersistentVolumeClaim: change .spec.resources.requests.storage",
	"PersistentVolumeClaim: change .metadata.annotations.openshell.ambient-code.io/gateway-id",
	"PersistentVolumeClaim: change .metadata.annotations.openshell.ambient-code.io/key-encryption-key-path",
	"PersistentVolumeClaim: change .metadata.annotations.openshell.ambient-code.io/supervisor-sideload-method",
	"PersistentVolumeClaim: change .metadata.annotations.openshell.ambient-code.io/key-encryption-key-path",
}

// TestEveryFieldComesBack changes and removes, as somebody else and one after another, every field that the operator
// set. What the server lets through must be undone, and what it refuses must be known.
func TestEveryFieldComesBack(t *testing.T) {
	withOptions(t, func(o *options.Options) { o.MaxRestarts = 1000 })
	// A StatefulSet waits while another object has trouble, and a gateway.toml says what a claim without its annotations must record.
	const foundation, gateway, volume = "drift-foundation", "drift-gateway", "drift-claim"
	for _, namespace := range []string{foundation, gateway, volume} {
		cluster.CreateTenant(t, namespace, driftSpec())
	}
	for _, namespace := range []string{foundation, gateway, volume} {
		waitReady(t, namespace)
	}
	for _, object := range driftObjects(foundation) {
		switch object.GetKind() {
		case "StatefulSet":
			object.SetNamespace(gateway)
		case "PersistentVolumeClaim":
			object.SetNamespace(volume)
		}
		t.Run(driftName(object), func(t *testing.T) {
			t.Parallel() // with the other objects, not with other tests
			everyFieldComesBack(t, get(t, object, object.GetNamespace(), object.GetName()))
		})
	}
}

func everyFieldComesBack(t *testing.T, was *unstructured.Unstructured) {
	refused := map[string]string{}
	var longest time.Duration
	var slowest string
	try := func(name string, change operation) {
		began := time.Now()
		if !t.Run(name, func(t *testing.T) {
			if reason := comesBack(t, was, change); reason != "" {
				refused[name] = reason
			} else if took := time.Since(began); took > longest {
				longest, slowest = took, name
			}
		}) {
			putBack(t, was)
		}
	}
	fields := fieldsOfOurs(t, was)
	for _, path := range fields {
		pointer, live := locate(t, was, path)
		if live == nil { // false, where the server does not tell it from absent
			try("set "+briefly(path), operation{"add", pointer, true})
			continue
		}
		if name := "change " + briefly(path); isLeaf(path) && !slices.Contains(lasting, was.GetKind()+": "+name) {
			try(name, operation{"replace", pointer, another(path, live)})
		}
		try("remove "+briefly(path), operation{"remove", pointer, nil})
	}
	t.Logf("%d fields, %d refusals; the slowest to come back, after %s: %s", len(fields), len(refused), longest, slowest)
	compareRefusals(t, refused, refusals[was.GetKind()])
}

// comesBack makes a change and waits until it is undone, or returns why the server refuses it.
func comesBack(t *testing.T, was *unstructured.Unstructured, change operation) (reason string) {
	t.Helper()
	patched, err := patchAsSomebody(t.Context(), was, change)
	switch {
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		return err.Error()
	case err != nil:
		t.Fatal(err)
	case change.Op != "remove" && cmp.Equal(content(was), content(patched)): // what is removed may be the server's default
		t.Fatal("this changed nothing")
	}
	waitSame(t, was)
	return ""
}

// isLeaf tells whether a field is set as one value. Elements of lists are not, but for owners.
func isLeaf(path fieldpath.Path) bool {
	return path[len(path)-1].Key == nil || *path[0].FieldName == "metadata"
}

// compareRefusals says what is refused that was not known to be, and the other way round.
func compareRefusals(t *testing.T, refused map[string]string, known map[string][]string) {
	t.Helper()
	words := map[string]string{}
	for word, names := range known {
		for _, name := range names {
			words[name] = word
		}
	}
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		if word, there := words[name]; !there || !strings.Contains(refused[name], word) {
			t.Errorf("%s: the server refuses it, which is not expected for that reason: %s", name, refused[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(words)) {
		if _, there := refused[name]; !there {
			t.Errorf("%s: the server should refuse it, and did not, or the field is none of the operator's", name)
		}
	}
}

// briefly names a field, with the beginnings of a StatefulSet's many fields cut short.
func briefly(path fieldpath.Path) string {
	return strings.NewReplacer(`.spec.template.spec.containers[name="openshell-gateway"]`, "container", ".spec.template", "template").Replace(path.String())
}

// fieldsOfOurs are the fields that the server says the operator set: leaves, and elements of lists as a whole.
func fieldsOfOurs(t *testing.T, object *unstructured.Unstructured) []fieldpath.Path {
	t.Helper()
	for _, entry := range object.GetManagedFields() {
		if entry.Manager != manifests.Manager || entry.Operation != metav1.ManagedFieldsOperationApply {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
			t.Fatal(err)
		}
		leaves := set.Leaves()
		var paths []fieldpath.Path
		set.Iterate(func(path fieldpath.Path) {
			if leaves.Has(path) || path[len(path)-1].Key != nil {
				paths = append(paths, path.Copy())
			}
		})
		return paths
	}
	t.Fatalf("%s: the operator has set nothing", driftName(object))
	return nil
}

// locate finds a field in an object: its JSON pointer and its value.
func locate(t *testing.T, object *unstructured.Unstructured, path fieldpath.Path) (string, any) {
	t.Helper()
	var pointer strings.Builder
	at := any(object.Object)
	for _, element := range path {
		switch {
		case element.FieldName != nil:
			pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(*element.FieldName))
			at = at.(map[string]any)[*element.FieldName]
		case element.Key != nil:
			list := at.([]any)
			i := slices.IndexFunc(list, func(e any) bool { return hasKey(e.(map[string]any), *element.Key) })
			if i < 0 {
				t.Fatalf("%s is not in %s", path, driftName(object))
			}
			pointer.WriteString("/" + strconv.Itoa(i))
			at = list[i]
		default:
			t.Fatalf("%s: %s is of a kind that this test does not know", driftName(object), path)
		}
	}
	return pointer.String(), at
}

func hasKey(element map[string]any, key value.FieldList) bool {
	for _, field := range key {
		if !value.Equals(value.NewValueInterface(element[field.Name]), field.Value) {
			return false
		}
	}
	return true
}

// others are values that the server accepts in place of those that no suffix can be added to.
var others = map[string]string{
	"ClusterIP": "NodePort", "TCP": "UDP", "HTTP": "HTTPS", "Retain": "Delete", "RollingUpdate": "OnDelete", "OrderedReady": "Parallel",
	"OnRootMismatch": "Always", "IfNotPresent": "Always", "FallbackToLogsOnError": "File", "RuntimeDefault": "Unconfined", "ReadWriteOnce": "ReadWriteMany", "Ingress": "Egress",
	"Exists": "DoesNotExist", "100m": "101m", "500m": "501m", "256Mi": "257Mi", "512Mi": "513Mi", "1Gi": "2Gi", "HOME": "HOUSE",
	"gateway-config": "tls-cert", "tls-cert": "tls-client-ca", "tls-client-ca": "tls-cert", "sandbox-jwt": "tls-cert", "openshell-data": "tls-cert",
}

// another makes a value that differs, in one place: a list in its first element and a map in its last key.
func another(path fieldpath.Path, is any) any {
	switch is := runtime.DeepCopyJSONValue(is).(type) {
	case string:
		if other, there := others[is]; there {
			return other
		}
		return is + "-x"
	case int64:
		return is + 1
	case bool:
		return !is
	case []any:
		is[0] = another(path, is[0])
		return is
	case map[string]any:
		if strings.HasPrefix(path.String(), ".metadata.ownerReferences") {
			is["blockOwnerDeletion"] = true // an owner that is not there would be the object's end
			return is
		}
		last := slices.Max(slices.Collect(maps.Keys(is)))
		is[last] = another(path, is[last])
		return is
	default:
		panic(path.String() + ": a value of a kind that this test does not know")
	}
}
