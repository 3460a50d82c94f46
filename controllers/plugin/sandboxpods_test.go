package plugin

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
)

// TestSandboxPodRejections are read as far as the user may read them, and what is unknown is not warned of.
func TestSandboxPodRejections(t *testing.T) {
	nodes, quotas := sandboxpods.Nodes{Runtimes: []string{"containerd://1.7.1"}, All: true}, sandboxpods.Quotas{Names: []string{"compute"}, Resources: []string{"cpu"}}
	for _, c := range []struct {
		name      string
		forbidden string
		want      sandboxpods.Rejections
	}{
		{"a user who may read all", "", sandboxpods.Rejections{Nodes: nodes, Quotas: quotas}},
		{"a user who may not list nodes", "nodes", sandboxpods.Rejections{Quotas: quotas}},
		{"a user who may not list ResourceQuotas", "resourcequotas", sandboxpods.Rejections{Nodes: nodes}},
		{"a user who may not list LimitRanges", "limitranges", sandboxpods.Rejections{Nodes: nodes}},
	} {
		lists := map[string]int{}
		cluster := interceptor.NewClient(nil, interceptor.Funcs{
			List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
				var o client.ListOptions
				o.ApplyOptions(options)
				name := ""
				switch list := list.(type) {
				case *corev1.NodeList:
					name = "nodes"
					if list.Items = make([]corev1.Node, 1); o.Continue == "" {
						list.Continue = "more"
					}
					list.Items[0].Status.NodeInfo = corev1.NodeSystemInfo{KubeletVersion: "v1.33.0", ContainerRuntimeVersion: "containerd://1.7.1"}
				case *corev1.ResourceQuotaList:
					name = "resourcequotas"
					list.Items = []corev1.ResourceQuota{{
						ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: "compute"},
						Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"cpu": resource.MustParse("1")}},
					}}
				case *corev1.LimitRangeList:
					name = "limitranges"
				}
				lists[name]++
				if name == c.forbidden {
					return apierrors.NewForbidden(corev1.Resource(name), "", nil)
				}
				return nil
			},
		})
		rejections := sandboxPodRejections(t.Context(), cluster)
		for _, namespace := range []string{"tenant-a", "tenant-b"} {
			if diff := cmp.Diff(c.want, rejections(namespace)); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		if c.forbidden == "" && (lists["nodes"] != 2 || lists["limitranges"] != 2) {
			t.Errorf("%s: lists of %v; want two pages of nodes, and the LimitRanges of two namespaces", c.name, lists)
		}
	}
}
