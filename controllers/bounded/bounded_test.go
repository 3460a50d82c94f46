package bounded

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
)

// server is an API server with objects of a size, which streams no lists.
type server struct {
	objects, size int
	mu            sync.Mutex
	lists         []string // the queries
	reading, most atomic.Int32
}

func (s *server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	if query.Get("watch") != "" {
		if query.Get("sendInitialEvents") != "" {
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`, http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-request.Context().Done()
		return
	}
	s.most.Store(max(s.most.Load(), s.reading.Add(1)))
	defer s.reading.Add(-1)
	s.mu.Lock()
	s.lists = append(s.lists, request.URL.RawQuery)
	s.mu.Unlock()
	limit, _ := strconv.Atoi(query.Get("limit"))
	if limit == 0 || query.Get("resourceVersion") != "" { // as an API server that answers from its cache
		limit = s.objects
	}
	from, _ := strconv.Atoi(query.Get("continue"))
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, ListMeta: metav1.ListMeta{ResourceVersion: "7"}}
	to := min(from+limit, s.objects)
	if to < s.objects {
		list.Continue = strconv.Itoa(to)
	}
	metadata, _ := json.Marshal(list)
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `%s,"items":[`, metadata[:strings.Index(string(metadata), `,"items"`)])
	filling := strings.Repeat("x", s.size)
	for i := from; i < to; i++ {
		comma := ","
		if i == from {
			comma = ""
		}
		_, _ = fmt.Fprintf(w, `%s{"metadata":{"name":"pod-%03d","namespace":"a","resourceVersion":"7","annotations":{"filling":"%s"}}}`, comma, i, filling)
	}
	_, _ = fmt.Fprint(w, "]}")
}

// start returns a client of the server.
func (s *server) start(t *testing.T) kubernetes.Interface {
	t.Helper()
	started := httptest.NewServer(s)
	t.Cleanup(func() {
		started.CloseClientConnections() // Close waits for the watches otherwise.
		started.Close()
	})
	kube, err := kubernetes.NewForConfig(Config(&rest.Config{Host: started.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}))
	if err != nil {
		t.Fatal(err)
	}
	return kube
}

// fill runs an informer until it has listed all pods, and returns their names.
func fill(t *testing.T, kube kubernetes.Interface, source func(toolscache.ListerWatcher) toolscache.SharedIndexInformer) toolscache.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	informer := source(&toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (kruntime.Object, error) {
			return kube.CoreV1().Pods("").List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return kube.CoreV1().Pods("").Watch(ctx, options)
		},
	})
	if err := informer.SetTransform(func(object any) (any, error) {
		pod := object.(*corev1.Pod)
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	go informer.RunWithContext(ctx)
	if !toolscache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		t.Fatal("the informer did not fill")
	}
	return informer.GetStore()
}

func paged(source toolscache.ListerWatcher) toolscache.SharedIndexInformer {
	return NewInformer(source, &corev1.Pod{}, 0, toolscache.Indexers{})
}

// peak returns how much the heap grew at most while f ran.
func peak(f func()) uint64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	ended, highest := make(chan struct{}), make(chan uint64)
	go func() {
		most := before.HeapAlloc
		for {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			select {
			case <-ended:
				highest <- most - before.HeapAlloc
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	f()
	close(ended)
	return <-highest
}

func TestListOfLargeObjectsTakesLittleMemory(t *testing.T) {
	s := &server{objects: 100, size: 1 << 20}
	kube := s.start(t)
	var store toolscache.Store
	took := peak(func() { store = fill(t, kube, paged) })
	if names := store.ListKeys(); len(names) != s.objects {
		t.Errorf("%d of %d pods are in the cache: %v", len(names), s.objects, names)
	}
	if took > 80<<20 {
		t.Errorf("a list of 100 objects of 1 MB took %d MiB of memory", took>>20)
	}
	t.Logf("%d MiB, in %d requests", took>>20, len(s.lists))
}

func TestListOfSmallObjectsIsOneRequest(t *testing.T) {
	s := &server{objects: 100, size: 4 << 10}
	if names := fill(t, s.start(t), paged).ListKeys(); len(names) != s.objects {
		t.Errorf("%d of %d pods are in the cache", len(names), s.objects)
	}
	if len(s.lists) != 1 {
		t.Errorf("%d requests: %v", len(s.lists), s.lists)
	}
}

func TestOnePageIsReadAtATime(t *testing.T) {
	s := &server{objects: 20, size: 1 << 20}
	kube := s.start(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			err := Pages(t.Context(), 4, 3, func(ctx context.Context, options metav1.ListOptions) (string, error) {
				list, err := kube.CoreV1().Pods("a").List(ctx, options)
				if err != nil {
					return "", err
				}
				return list.Continue, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s.most.Load() != 1 {
		t.Errorf("%d pages were read at the same time", s.most.Load())
	}
	if len(s.lists) != 12 {
		t.Errorf("4 readers of at most 3 pages sent %d requests", len(s.lists))
	}
}

func TestAnAnswerThatIsTooLargeIsNotRead(t *testing.T) {
	s := &server{objects: 1, size: maxPageBytes}
	_, err := s.start(t).CoreV1().Pods("a").List(t.Context(), metav1.ListOptions{Limit: 1})
	if err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("the error is %v", err)
	}
}
