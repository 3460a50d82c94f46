package plugin

import (
	"context"
	"math"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/sandboxpods"
)

// nodesPage is how many nodes one request returns at most.
const nodesPage = 500

// sandboxPodRejections returns a function that reads what rejects the pods of sandboxes in a namespace. What the user may not read is
// missing from its result, so that nothing is reported that is not known. The nodes are read once.
func sandboxPodRejections(ctx context.Context, cluster client.Reader) func(namespace string) sandboxpods.Rejections {
	nodes := sync.OnceValue(func() sandboxpods.Nodes { return nodesThatReject(ctx, cluster) })
	return func(namespace string) sandboxpods.Rejections {
		quotas, _ := sandboxpods.ReadQuotas(ctx, cluster, namespace)
		return sandboxpods.Rejections{Nodes: nodes(), Quotas: quotas}
	}
}

func nodesThatReject(ctx context.Context, cluster client.Reader) sandboxpods.Nodes {
	var all []corev1.Node
	err := bounded.Pages(ctx, nodesPage, math.MaxInt, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		var list corev1.NodeList
		err := cluster.List(ctx, &list, client.Limit(page.Limit), client.Continue(page.Continue))
		all = append(all, list.Items...)
		return list.Continue, err
	})
	if err != nil {
		return sandboxpods.Nodes{}
	}
	return sandboxpods.NodesThatReject(all)
}
