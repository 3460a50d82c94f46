package enqueue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func TestABurstOfEventsIsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
		defer queue.ShutDown()
		handler := Debounced(func(_ context.Context, object client.Object) []reconcile.Request {
			return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(object)}}
		})
		object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "b"}}
		handler.Create(t.Context(), event.CreateEvent{Object: object}, queue)
		handler.Update(t.Context(), event.UpdateEvent{ObjectOld: object, ObjectNew: object}, queue)
		handler.Delete(t.Context(), event.DeleteEvent{Object: object}, queue)
		time.Sleep(DebounceInterval - 1)
		synctest.Wait()
		if n := queue.Len(); n != 0 {
			t.Errorf("%d requests before the interval is over", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := queue.Len(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}
