package observe

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// bloat writes as much into an object's metadata as an API server accepts.
func bloat(object client.Object) {
	long := strings.Repeat("x", 200<<10)
	labels, annotations := map[string]string{}, map[string]string{}
	owners, finalizers := object.GetOwnerReferences(), []string{}
	fields := `{"f:metadata":{"f:annotations":{"f:` + long + `":{}}}}`
	managed := object.GetManagedFields()
	for i := range 1000 {
		labels[fmt.Sprintf("label-%d", i)] = "x"
		finalizers = append(finalizers, fmt.Sprintf("example.com/%d", i))
		owners = append(owners, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: types.UID(strconv.Itoa(i))})
	}
	for i := range 5 {
		managed = append(managed, metav1.ManagedFieldsEntry{Manager: fmt.Sprint("them-", i), Operation: "Update", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields)})
	}
	for _, name := range append(slices.Clone(annotationsKept), manifests.TenantAnnotations...) {
		annotations[name] = long
	}
	annotations["openshell.ambient-code.io/unknown"], annotations["kubectl.kubernetes.io/last-applied-configuration"] = long, long
	object.SetLabels(labels)
	object.SetAnnotations(annotations)
	object.SetOwnerReferences(owners)
	object.SetFinalizers(finalizers)
	object.SetManagedFields(managed)
}

// TestCachedMetadataIsBounded expects some kilobytes of each object, however much other clients write into its metadata.
func TestCachedMetadataIsBounded(t *testing.T) {
	owner := metav1.OwnerReference{APIVersion: "x", Kind: "GatewayTenant", Name: "openshell-gateway", UID: "1", Controller: new(true)}
	size := func(object client.Object) int {
		return (&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Labels: object.GetLabels(), Annotations: object.GetAnnotations(), OwnerReferences: object.GetOwnerReferences(),
			Finalizers: object.GetFinalizers(), ManagedFields: object.GetManagedFields(),
		}}).Size()
	}
	for _, c := range children {
		t.Run(c.Kind+" "+c.Name, func(t *testing.T) {
			object := c.object.DeepCopyObject().(client.Object)
			object.SetOwnerReferences([]metav1.OwnerReference{owner})
			bloat(object)
			is, err := c.kept()(object)
			if err != nil {
				t.Fatal(err)
			}
			kept := is.(client.Object)
			if size(kept) > 80<<10 || !c.isSecret() && size(kept) > 16<<10 {
				t.Errorf("%d bytes of the metadata are kept", size(kept))
			}
			if controller := metav1.GetControllerOf(kept); controller == nil || controller.UID != "1" {
				t.Error("the controller is dropped")
			}
		})
	}
	t.Run("GatewayTenant", func(t *testing.T) {
		tenant := &v1alpha1.GatewayTenant{}
		bloat(tenant)
		tenant.Annotations[v1alpha1.AnnotationRotateTLS] = "2026"
		is, err := compacted(keepTenant)(tenant)
		if err != nil {
			t.Fatal(err)
		}
		kept := is.(*v1alpha1.GatewayTenant)
		if size(kept) > 16<<10 || kept.Annotations[v1alpha1.AnnotationRotateTLS] != "2026" || kept.Annotations["openshell.ambient-code.io/unknown"] != "" {
			t.Errorf("%d bytes of the metadata are kept, with the annotations %v", size(kept), kept.Annotations)
		}
	})
}

// TestCacheOfBindingsKeepsTheRole, since a binding of another role has to be recreated.
func TestCacheOfBindingsKeepsTheRole(t *testing.T) {
	role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "x"}
	binding := &rbacv1.ClusterRoleBinding{RoleRef: role, Subjects: []rbacv1.Subject{{Name: "y"}}}
	if _, err := keepClusterRoleBinding(binding); err != nil || binding.RoleRef != role || len(binding.Subjects) > 0 {
		t.Errorf("kept is %+v, %v", binding, err)
	}
}

// TestCacheOfNamespacesKeepsRestores and nothing else of the annotations, whatever value this one has.
func TestCacheOfNamespacesKeepsRestores(t *testing.T) {
	for _, value := range []string{v1alpha1.RestoreInProgress, "", strings.Repeat("x", 100_000)} {
		namespace := &metav1.PartialObjectMetadata{}
		bloat(namespace)
		namespace.Annotations[v1alpha1.AnnotationRestore] = value
		if _, err := keepNamespace(namespace); err != nil || !maps.Equal(namespace.Annotations, map[string]string{v1alpha1.AnnotationRestore: v1alpha1.RestoreInProgress}) {
			t.Errorf("%.20q: %d annotations are kept, %v", value, len(namespace.Annotations), err)
		}
	}
	namespace := &metav1.PartialObjectMetadata{}
	bloat(namespace)
	if _, err := keepNamespace(namespace); err != nil || len(namespace.Annotations) > 0 {
		t.Errorf("without a restore: %d annotations are kept, %v", len(namespace.Annotations), err)
	}
}

// TestAnnotationsOfTenantsAreKept fails if an annotation of the API is not in the list of those that the caches keep.
func TestAnnotationsOfTenantsAreKept(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../../api/v1alpha1/gatewaytenant_types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	annotations := 0
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, is := node.(*ast.ValueSpec); is && strings.HasPrefix(spec.Names[0].Name, "Annotation") {
			name, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if annotations++; !slices.Contains(manifests.TenantAnnotations, name) {
				t.Errorf("%s is not in manifests.TenantAnnotations, so the operator does not observe it", name)
			}
		}
		return true
	})
	if annotations < 6 {
		t.Errorf("only %d annotations of a GatewayTenant were found", annotations)
	}
}

// TestAnnotationsOfObjectsAreKept fails if an annotation of the operator's on a rendered object is not in the list of those that the caches keep.
func TestAnnotationsOfObjectsAreKept(t *testing.T) {
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}}
	gt.Spec.Image = "ghcr.io/nvidia/openshell/gateway:0.0.111" // its claim has all annotations
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := manifests.NewTenant(gt, platform)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: "2", Rollout: manifests.Rollout{Granted: true}, TokenKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range append(slices.Clone(objects.Foundation), objects.Certgen, objects.Gateway) {
		for name := range object.GetAnnotations() {
			own := strings.HasPrefix(name, v1alpha1.GroupVersion.Group+"/") // others are for other programs to read
			if own && !slices.Contains(append(slices.Clone(annotationsKept), apply.AnnotationHash), name) {
				t.Errorf("%s of %s is not in manifests.ObjectAnnotations, so the operator does not observe it", name, apply.Describe(object))
			}
		}
	}
}
