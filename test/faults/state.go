package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bridgeplan "github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// state is what there is at the end of a trial, less what differs from run to run: uids, versions, times, and the name of
// the namespace. What is lost with that, such as whether a hash is the right one, its truths tell.
type state map[string]any

// statesKinds are the kinds of what there is in a state.
func statesKinds() []schema.GroupVersionKind {
	return append(slices.Clone(kinds), corev1.SchemeGroupVersion.WithKind("Pod"))
}

// stateOf reads the objects of the trial's tenant.
func (t *trial) stateOf(ctx context.Context, from client.Reader) (state, error) {
	s, all := state{}, objects{}
	for _, gvk := range statesKinds() {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
		where := []client.ListOption{client.InNamespace(t.namespace)}
		if gvk.Kind == "ClusterRoleBinding" {
			where = []client.ListOption{client.MatchingLabels{manifests.LabelManagedBy: manifests.Manager}}
		}
		if err := from.List(ctx, list, where...); err != nil {
			return nil, err
		}
		for _, object := range list.Items {
			name := object.GetName()
			if gvk.Kind == "ClusterRoleBinding" && !strings.HasSuffix(name, ":"+t.namespace) || name == "default" || name == "kube-root-ca.crt" {
				continue
			}
			if gvk.Kind == "Pod" && object.GetDeletionTimestamp() != nil || object.GetLabels()["batch.kubernetes.io/job-name"] != "" {
				continue // going, or of a Job, of which there may be one more
			}
			all[gvk.Kind+" "+strings.ReplaceAll(name, t.namespace, "NAMESPACE")] = object
		}
	}
	if t.meddled(id{"ConfigMap", manifests.ConfigName}) {
		all.dropUnmountedFiles()
	}
	if truths := all.truths(); len(truths) > 0 {
		s["truths"] = truths
	}
	for name, object := range all {
		s[name] = t.general(object)
	}
	if t.workload.bridge {
		report := &corev1.ConfigMap{}
		if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.platform, Name: "platform-config-status"}, report); err != nil {
			return nil, err
		}
		for key, text := range report.Data {
			s["report "+key] = strings.ReplaceAll(text, t.namespace, "NAMESPACE")
		}
		applied, err := bridgeplan.ParseApplied(report.Data["applied"])
		if err != nil {
			return nil, err
		}
		s["report applied"] = len(applied) // hashes of namespaces, which differ in each run
	}
	return s, nil
}

// sizeOf returns what the claim in a state requests.
func sizeOf(s state) string {
	claim, _ := s["PersistentVolumeClaim "+manifests.ClaimName].(map[string]any)
	size, _, _ := unstructured.NestedString(claim, "spec", "resources", "requests", "storage")
	return size
}

var (
	times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	ids   = regexp.MustCompile(`[0-9a-f]{16}=`) // of certificate authorities, with the time of their end
	uids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// particular are annotations and fields whose values are hashes of what is particular to a run, or are allotted.
var particular = []string{
	"openshell.ambient-code.io/applied-hash", "openshell.ambient-code.io/config-hash", "openshell.ambient-code.io/asked-hash",
	manifests.AnnotationConfigKey, "openshell.ambient-code.io/wish", "openshell.ambient-code.io/token-key", "openshell.ambient-code.io/managed-content", "clusterIP", "clusterIPs", "volumeName",
	"batch.kubernetes.io/controller-uid", "controller-uid",
}

// general is an object less what is particular to this run.
func (t *trial) general(object unstructured.Unstructured) any {
	content := object.Object
	metadata := content["metadata"].(map[string]any)
	kept := map[string]any{}
	for _, field := range []string{"labels", "annotations", "ownerReferences", "finalizers"} {
		if value, there := metadata[field]; there {
			kept[field] = value
		}
	}
	if labels, there := kept["labels"].(map[string]any); there {
		delete(labels, mark)
		delete(labels, "velero.io/restore-name")
		delete(labels, "apps.kubernetes.io/pod-index")
		delete(labels, "controller-revision-hash")
		if len(labels) == 0 {
			delete(kept, "labels")
		}
	}
	if annotations, there := kept["annotations"].(map[string]any); there && object.GetKind() == "PersistentVolumeClaim" {
		delete(annotations, "volume.beta.kubernetes.io/storage-provisioner") // which of its controllers comes first is a race
		delete(annotations, "volume.kubernetes.io/storage-provisioner")
	}
	kept["going"] = object.GetDeletionTimestamp() != nil
	content["metadata"] = kept
	switch object.GetKind() {
	case "GatewayTenant":
		status, _ := content["status"].(map[string]any)
		observed, _, _ := unstructured.NestedInt64(content, "status", "observedGeneration")
		if status != nil {
			status["observedGeneration"] = observed == object.GetGeneration()
		}
		conditions, _, _ := unstructured.NestedSlice(content, "status", "conditions")
		for _, condition := range conditions {
			is := condition.(map[string]any)
			is["observedGeneration"] = is["observedGeneration"] == object.GetGeneration()
		}
		slices.SortFunc(conditions, func(a, b any) int {
			return strings.Compare(fmt.Sprint(a.(map[string]any)["type"]), fmt.Sprint(b.(map[string]any)["type"]))
		})
		if status != nil {
			status["conditions"] = conditions
		}
	case "StatefulSet":
		ready, _, _ := unstructured.NestedInt64(content, "status", "readyReplicas")
		content["status"] = ready
	case "Secret":
		data, _ := content["data"].(map[string]any)
		for key := range data {
			data[key] = "…"
		}
	case "Pod":
		image, _, _ := unstructured.NestedSlice(content, "spec", "containers")
		content = map[string]any{"metadata": kept["labels"], "image": image[0].(map[string]any)["image"]}
	default:
		delete(content, "status")
	}
	return t.leavesOf(content)
}

// leavesOf replaces what is particular in the leaves.
func (t *trial) leavesOf(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			leaf := t.leavesOf(value[key])
			if slices.Contains(particular, key) {
				leaf = "…"
			}
			delete(value, key)
			value[withoutHash(key, value)] = leaf
		}
	case []any:
		for i := range value {
			value[i] = t.leavesOf(value[i])
		}
	case string:
		if manifests.IsFileKey(value) {
			return withoutHash(value, nil)
		}
		text := strings.ReplaceAll(value, t.namespace, "NAMESPACE")
		return ids.ReplaceAllString(uids.ReplaceAllString(times.ReplaceAllString(text, "TIME"), "UID"), "ID=")
	}
	return value
}

// withoutHash returns a name without the hash in it if it is the key of a gateway.toml in a ConfigMap. If taken has that name already, it
// returns another one.
func withoutHash(name string, taken map[string]any) string {
	if !manifests.IsFileKey(name) || name == manifests.ConfigKey {
		return name
	}
	for name = "gateway-v2-HASH.toml"; taken[name] != nil; name = "another " + name {
	}
	return name
}

// difference says where a state is not as it should be.
func difference(want, is state) (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, there := is[name]; !there {
			wrong = append(wrong, name+" is missing")
		} else if diff := cmp.Diff(want[name], is[name]); diff != "" {
			wrong = append(wrong, name+" is not as undisturbed (-want +is):\n"+diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if _, wanted := want[name]; !wanted {
			wrong = append(wrong, name+" should not be there")
		}
	}
	return wrong
}
