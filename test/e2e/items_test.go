package e2e

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// items are the objects of a list.
func items(t *testing.T, list client.ObjectList) []client.Object {
	t.Helper()
	objects, err := meta.ExtractList(list)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]client.Object, len(objects))
	for i, object := range objects {
		all[i] = object.(client.Object)
	}
	return all
}
