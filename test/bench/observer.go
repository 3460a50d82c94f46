package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// observer watches as administrator what becomes of the tenants: the same in both legs, so that it costs both the same.
type observer struct {
	stop func()

	mu     sync.Mutex
	ready  map[string]time.Time       // by namespace, when its GatewayTenant was first seen Ready
	serves map[string]time.Time       // and its StatefulSet
	keys   map[string]string          // the id of its token key
	names  map[string]map[string]bool // of its Secrets
	tell   func(namespace string)     // is told when one of these changed
}

func observe(ctx context.Context, c client.WithWatch) *observer {
	ctx, stop := context.WithCancel(ctx)
	o := &observer{
		stop:  stop,
		ready: map[string]time.Time{}, serves: map[string]time.Time{}, keys: map[string]string{}, names: map[string]map[string]bool{},
		tell: func(string) {},
	}
	ours := client.MatchingLabels{manifests.LabelManagedBy: manifests.Manager}
	go o.follow(ctx, c, &v1alpha1.GatewayTenantList{})
	go o.follow(ctx, c, &appsv1.StatefulSetList{}, ours)
	go o.follow(ctx, c, &corev1.SecretList{}, ours)
	return o
}

// follow watches a kind until the context ends, anew each time that the API server ends it.
func (o *observer) follow(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) {
	for ctx.Err() == nil {
		watching, err := c.Watch(ctx, list, options...)
		if err != nil {
			_ = operatortest.Pause(ctx, 100*time.Millisecond)
			continue
		}
		for event := range watching.ResultChan() {
			if object, ok := event.Object.(client.Object); ok && event.Type != watch.Deleted {
				o.note(object)
			}
		}
	}
}

func (o *observer) note(object client.Object) {
	o.mu.Lock()
	namespace, tell := object.GetNamespace(), o.tell
	first := func(times map[string]time.Time, is bool) {
		if _, known := times[namespace]; is && !known {
			times[namespace] = time.Now()
		}
	}
	switch object := object.(type) {
	case *v1alpha1.GatewayTenant:
		first(o.ready, meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ConditionReady))
	case *appsv1.StatefulSet:
		first(o.serves, object.Status.ReadyReplicas > 0)
	case *corev1.Secret:
		if o.names[namespace] == nil {
			o.names[namespace] = map[string]bool{}
		}
		o.names[namespace][object.Name] = true
		if object.Name == manifests.TokenKeysName {
			o.keys[namespace] = string(object.Data["kid"])
		}
	}
	o.mu.Unlock()
	tell(namespace)
}

// onChange has f told of the namespaces in which something changed.
func (o *observer) onChange(f func(namespace string)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tell = f
}

// tokenKey is the id of a tenant's token key, once all its Secrets are there; until then empty.
func (o *observer) tokenKey(namespace string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	const secrets = 4
	if len(o.names[namespace]) < secrets {
		return ""
	}
	return o.keys[namespace]
}

// isServing tells whether a tenant's StatefulSet has its pod ready.
func (o *observer) isServing(namespace string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, serves := o.serves[namespace]
	return serves
}

// allReady waits until all tenants are Ready, and says when each was.
func (o *observer) allReady(ctx context.Context, limit time.Duration, tenants []tenant) ([]time.Time, error) {
	var times []time.Time
	next := time.Now().Add(progressEvery)
	return times, await(ctx, limit, func() error {
		o.mu.Lock()
		defer o.mu.Unlock()
		times = times[:0]
		missing := ""
		for _, t := range tenants {
			if at, ready := o.ready[t.namespace]; ready {
				times = append(times, at)
			} else if missing == "" {
				missing = t.namespace
			}
		}
		if time.Now().After(next) {
			say("  %d of %d are Ready", len(times), len(tenants))
			next = next.Add(progressEvery)
		}
		if missing != "" {
			return fmt.Errorf("%d of %d tenants are Ready; %s is not", len(times), len(tenants), missing)
		}
		return nil
	})
}

const progressEvery = 15 * time.Second
