// Package bounded limits the memory that one answer of the API server can take. Other clients decide how large the
// objects are that the operator lists, and a list is decoded as a whole: a hundred objects of 1 MB each would take
// several hundred megabytes. Caches are therefore filled in pages, as are the lists that the operator reads of Events and
// pods: one page at a time in the whole process, and a page that is too large is requested again with fewer objects.
package bounded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const (
	// maxPageBytes is the largest answer to a list request that is read. No single object is larger: etcd stores at most
	// 1.5 MiB of each.
	maxPageBytes = 8 << 20
	// pageTimeout is how long one page may take, so that a request that hangs does not keep others from the slot.
	pageTimeout = time.Minute
)

// Config returns a copy of kube whose clients read at most maxPageBytes of an answer to a list request with a limit.
func Config(kube *rest.Config) *rest.Config {
	kube = rest.CopyConfig(kube)
	kube.Wrap(func(next http.RoundTripper) http.RoundTripper { return limiter{next} })
	return kube
}

// limiter ends answers to requests for a page that are too large.
type limiter struct{ next http.RoundTripper }

// RoundTrip sends a request.
func (l limiter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := l.next.RoundTrip(request)
	if err == nil && request.Method == http.MethodGet && request.URL.Query().Has("limit") {
		response.Body = http.MaxBytesReader(nil, response.Body, maxPageBytes)
	}
	return response, err
}

// slot is held by the one reader in this process that reads and decodes a page.
var slot = make(chan struct{}, 1)

// Pages calls read for one page of a list after the other, at most maxPages times. Read gets how many objects the page
// may have at most and where it continues, and returns where the next page continues. The limit of the first page is
// given; where a page is too large, it becomes smaller.
func Pages(ctx context.Context, limit int64, maxPages int, read func(ctx context.Context, options metav1.ListOptions) (next string, err error)) error {
	options := metav1.ListOptions{Limit: limit}
	for pages := 0; pages < maxPages; {
		next, err := page(ctx, options, read)
		if errors.As(err, new(*http.MaxBytesError)) && options.Limit > 1 {
			options.Limit = max(options.Limit/8, 1)
			continue
		}
		if err != nil || next == "" {
			return err
		}
		options.Continue = next
		pages++
	}
	return nil
}

func page(ctx context.Context, options metav1.ListOptions, read func(context.Context, metav1.ListOptions) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	select {
	case slot <- struct{}{}:
		defer func() { <-slot }()
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for other reads: %w", ctx.Err())
	}
	return read(ctx, options)
}
