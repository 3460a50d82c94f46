package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
)

const (
	serviceFields = `{"f:metadata":{"f:annotations":{"f:` + AnnotationHash + `":{}}},"f:spec":{"f:type":{},"f:ports":{"k:{\"port\":8080,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}}}}}`
	typeOnly      = `{"f:spec":{"f:type":{}}}`
	sharedPort    = `{"f:spec":{"f:ports":{"k:{\"port\":8080,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}}}}}`
	foreignPort   = `{"f:spec":{"f:ports":{"k:{\"port\":9,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}`
)

// serviceFieldsWithoutType are the fields that are left to us after another manager has changed the type.
var serviceFieldsWithoutType = strings.Replace(serviceFields, `"f:type":{},`, "", 1)

// desiredService returns a Service and the hash that it has once it was applied.
func desiredService(t *testing.T) (*unstructured.Unstructured, string) {
	t.Helper()
	desired := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"name": "a", "namespace": "b"},
		"spec": map[string]any{"type": "ClusterIP", "ports": []any{map[string]any{"port": int64(8080), "protocol": "TCP"}}},
	}}
	hash, err := Hash(desired)
	if err != nil {
		t.Fatal(err)
	}
	return desired, hash
}

func TestCompareDecidesFromHashAndManagedFields(t *testing.T) {
	desired, hash := desiredService(t)
	live := func(hash string, entries ...metav1.ManagedFieldsEntry) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: "a", Namespace: "b", ResourceVersion: "1", Annotations: map[string]string{AnnotationHash: hash}, ManagedFields: entries,
		}}
	}
	ours, withoutType := entryOf("us", serviceFields), entryOf("us", `{"f:metadata":{"f:annotations":{"f:`+AnnotationHash+`":{}}}}`)
	type result struct {
		Needed, Takeover, Incomplete bool
		Managers                     []string
	}
	for _, c := range []struct {
		what string
		live metav1.Object
		// shared is the result without Exclusive, exclusive the one with it.
		shared, exclusive result
	}{
		{"absent", nil, result{Needed: true}, result{Needed: true}},
		{"as applied", live(hash, ours), result{}, result{}},
		{"last applied from another state", live("other", ours), result{Needed: true}, result{Needed: true}},
		{"changed by another manager", live(hash, entryOf("them", typeOnly), withoutType), result{Needed: true, Managers: []string{"them"}}, result{Needed: true, Managers: []string{"them"}}},
		{"changed by another manager, and a third one shares a field", live(hash, entryOf("sharing", sharedPort), entryOf("them", typeOnly), entryOf("us", serviceFieldsWithoutType)), result{Needed: true, Managers: []string{"them"}}, result{Needed: true, Managers: []string{"them"}}},
		{"changed by another manager, and another state is desired", live("other", entryOf("them", typeOnly), withoutType), result{Needed: true, Managers: []string{"them"}}, result{Needed: true, Managers: []string{"them"}}},
		{"with a port of another manager", live(hash, entryOf("them", foreignPort), ours), result{}, result{Needed: true, Takeover: true, Managers: []string{"them"}}},
		{"never applied by us", live("", entryOf("them", typeOnly)), result{Needed: true, Managers: []string{"them"}}, result{Needed: true, Takeover: true, Managers: []string{"them"}}},
		{"with withheld fields", live(hash, entryOf("them", string(withheld)), ours), result{Needed: true, Incomplete: true, Managers: []string{"them"}}, result{Needed: true, Incomplete: true, Managers: []string{"them"}}},
	} {
		for want, options := range map[*result][]ComparerOption{&c.shared: nil, &c.exclusive: {Exclusive}} {
			comparer := NewComparer(clientgoscheme.Scheme, "us", options...)
			for range 2 { // What the Comparer remembers must not change its answer.
				d, err := comparer.Compare(desired, c.live)
				if err != nil {
					t.Fatal(err)
				}
				got := result{Needed: d.Needed, Takeover: d.Takeover != nil, Incomplete: d.Incomplete, Managers: d.Managers}
				if diff := cmp.Diff(*want, got); diff != "" {
					t.Errorf("%s, exclusive %t: -want +got\n%s", c.what, len(options) > 0, diff)
				}
			}
		}
	}
}
