package bounded

import (
	"context"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
)

// firstPage is how many objects the first page of a list may have: a thousand tenants take two requests for each kind.
const firstPage = 500

// NewInformer returns an informer that never holds more than one page of objects as the API server has them. An API
// server that streams the objects of a list is read one object at a time anyway. The list that older ones answer with, and
// that is requested whenever a stream cannot be had, is read in pages, and each page goes through the informer's transform
// before the next one is read. Transforms must accept their own results.
func NewInformer(source toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	paged := &pagedSource{ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(source)}
	return &informer{
		SharedIndexInformer: toolscache.NewSharedIndexInformer(&toolscache.ListWatch{
			ListWithContextFunc: paged.list, WatchFuncWithContext: paged.WatchWithContext,
		}, object, resync, indexers),
		source: paged,
	}
}

// informer hands its transform to its source, too.
type informer struct {
	toolscache.SharedIndexInformer
	source *pagedSource
}

// SetTransform sets what becomes of objects before they are stored. It has no effect once the informer runs.
func (i *informer) SetTransform(transform toolscache.TransformFunc) error {
	if err := i.SharedIndexInformer.SetTransform(transform); err != nil {
		return err
	}
	i.source.transform = transform
	return nil
}

// pagedSource lists in pages.
type pagedSource struct {
	toolscache.ListerWatcherWithContext
	transform toolscache.TransformFunc
}

// list reads all objects, page by page. It always reads the newest state: an API server that answers from its cache
// ignores a limit for any other.
func (s *pagedSource) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	all := &internalversion.List{}
	err := Pages(ctx, firstPage, math.MaxInt, func(ctx context.Context, page metav1.ListOptions) (string, error) {
		page.LabelSelector, page.FieldSelector, page.TimeoutSeconds = options.LabelSelector, options.FieldSelector, options.TimeoutSeconds
		list, err := s.ListWithContext(ctx, page)
		if err != nil {
			return "", err
		}
		metadata, err := meta.ListAccessor(list)
		if err != nil {
			return "", err
		}
		all.ResourceVersion = metadata.GetResourceVersion()
		return metadata.GetContinue(), meta.EachListItemWithAlloc(list, func(item runtime.Object) error {
			if s.transform != nil {
				transformed, err := s.transform(item)
				if err != nil {
					return err
				}
				item = transformed.(runtime.Object)
			}
			all.Items = append(all.Items, item)
			return nil
		})
	})
	return all, err
}
