package gatewaytenant

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/workload"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// bloat writes as much into an object's metadata as an API server takes.
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

// TestMetadataOfOthersIsBounded holds each object in a cache to some kilobytes, however much is written into its metadata.
func TestMetadataOfOthersIsBounded(t *testing.T) {
	controller := true
	owner := metav1.OwnerReference{APIVersion: "x", Kind: "GatewayTenant", Name: "openshell-gateway", UID: "1", Controller: &controller}
	size := func(object client.Object) int {
		return (&corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Labels: object.GetLabels(), Annotations: object.GetAnnotations(), OwnerReferences: object.GetOwnerReferences(),
			Finalizers: object.GetFinalizers(), ManagedFields: object.GetManagedFields(),
		}}).Size()
	}
	for _, c := range watchedChildren() {
		object := c.object.DeepCopyObject().(client.Object)
		object.SetOwnerReferences([]metav1.OwnerReference{owner})
		bloat(object)
		is, err := c.kept()(object)
		if err != nil {
			t.Fatal(err)
		}
		kept := is.(client.Object)
		if size(kept) > 80<<10 || c.kind != "Secret" && size(kept) > 16<<10 {
			t.Errorf("%s %s: %d bytes of its metadata are kept", c.kind, c.name, size(kept))
		}
		if of := metav1.GetControllerOf(kept); of == nil || of.UID != "1" {
			t.Errorf("%s %s: its controller is lost", c.kind, c.name)
		}
	}
	tenant := &v1alpha1.GatewayTenant{}
	bloat(tenant)
	tenant.Annotations[v1alpha1.AnnotationRotateTLS] = "2026"
	is, err := compacted(keepTenant)(tenant)
	if err != nil {
		t.Fatal(err)
	}
	kept := is.(*v1alpha1.GatewayTenant)
	if size(kept) > 16<<10 || kept.Annotations[v1alpha1.AnnotationRotateTLS] != "2026" || kept.Annotations["openshell.ambient-code.io/unknown"] != "" {
		t.Errorf("%d bytes of a GatewayTenant's metadata are kept: %v", size(kept), kept.Annotations)
	}
}

// TestEachAnnotationThatIsWrittenIsKept fails if an annotation of an object or of a GatewayTenant is not in the list of
// those that the caches keep.
func TestEachAnnotationThatIsWrittenIsKept(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/gatewaytenant_types.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	annotations := 0
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, is := node.(*ast.ValueSpec); is && strings.HasPrefix(spec.Names[0].Name, "Annotation") {
			name, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if annotations++; !slices.Contains(manifests.TenantAnnotations, name) {
				t.Errorf("%s is not in manifests.TenantAnnotations, so no pass sees it", name)
			}
		}
		return true
	})
	if annotations < 6 {
		t.Errorf("only %d annotations of a GatewayTenant were found", annotations)
	}
	gt := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.Name, UID: "1"}}
	gt.Spec.Image = withKey // its claim has all annotations
	platform, err := manifests.NewPlatform("", "certgen:1", []string{"ghcr.io/nvidia/"})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := manifests.NewTenant(gt, platform)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifests.Render(tenant, manifests.RenderInput{NamespaceUID: "2", Turn: manifests.Turn{Granted: true}, TokenKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range append(slices.Clone(objects.Foundation), objects.Certgen, objects.Gateway) {
		for name := range object.GetAnnotations() {
			if !slices.Contains(append(slices.Clone(annotationsKept), apply.AnnotationHash), name) {
				t.Errorf("%s of %s is not in manifests.ObjectAnnotations, so no pass sees it", name, apply.Describe(object))
			}
		}
	}
}

// TestAnnotationsOfSecretsAreKept keeps the annotations by which certgen remembers what it made a Secret for.
func TestAnnotationsOfSecretsAreKept(t *testing.T) {
	ends := strings.Repeat("0123456789abcdef=2026-01-01T00:00:00Z,", 32)
	for _, name := range []string{"rotate-tls", "rotate-ca", "rotate-tokens", "former-authorities-until", "trusted-since", "supersedes"} {
		for _, c := range children {
			if c.kind != "Secret" {
				continue
			}
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: c.name, Annotations: map[string]string{"openshell.ambient-code.io/" + name: ends}}}
			is, err := c.kept()(secret)
			if err != nil || is.(*corev1.Secret).Annotations["openshell.ambient-code.io/"+name] != ends {
				t.Errorf("Secret %s: the annotation %s is lost: %v", c.name, name, err)
			}
		}
	}
}

func TestStatusOfOthersIsBounded(t *testing.T) {
	set := &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{Replicas: 1, UpdateRevision: "r", CurrentRevision: "r", UpdatedReplicas: 1, ReadyReplicas: 1}}
	for i := range 1000 {
		set.Status.Conditions = append(set.Status.Conditions, appsv1.StatefulSetCondition{Type: appsv1.StatefulSetConditionType(fmt.Sprint(i)), Message: strings.Repeat("x", 1000)})
	}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "openshell-gateway", Image: strings.Repeat("x", 1<<20)}}
	if _, err := keepStatefulSet(set); err != nil || set.Size() > 4<<10 || !workload.Serves(set) {
		t.Errorf("%d bytes of a StatefulSet are kept; it serves: %t, %v", set.Size(), workload.Serves(set), err)
	}
}

// TestCertgenSeesTheOwnersThatTheOperatorSees, or a Secret that fits for one of them would be work for the other again and
// again.
func TestCertgenSeesTheOwnersThatTheOperatorSees(t *testing.T) {
	other := metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: "a", UID: "a"}
	tenant := manifests.Owner("1")
	tenant.Controller = nil
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: manifests.ServerTLSName, OwnerReferences: []metav1.OwnerReference{other, tenant}}}
	seen, err := certificates.Transform(secret)
	if err != nil {
		t.Fatal(err)
	}
	cached, err := keepSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	of := func(object any) []metav1.OwnerReference { return object.(*corev1.Secret).OwnerReferences }
	if len(of(seen)) != 1 || of(seen)[0].UID != "1" || !reflect.DeepEqual(of(seen), of(cached)) {
		t.Errorf("certgen sees %v, the operator %v", of(seen), of(cached))
	}
	if len(secret.OwnerReferences) != 2 {
		t.Error("the Secret itself was changed")
	}
}
