package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
)

// plan is a workload with a fault at a point of it.
type plan struct {
	workload *workload
	kind     *kind
	at       string  // the point; empty: none
	child    string  // the object that somebody else deletes or changes, by kind and name; empty: none
	seed     uint64  // decides whatever is not said here
	bug      *canary // nil: the operator as it is
}

// name tells the plan from all others but for its seed.
func (p plan) name() string {
	name := p.workload.name + " | " + p.kind.name
	if p.at != "" {
		name += " | " + p.at
	}
	if p.child != "" {
		name += " | " + p.child
	}
	return name
}

// seeded is the plan with a seed of its own.
func (p plan) seeded(seed uint64) plan {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d %s", seed, p.name())
	p.seed = hash.Sum64()
	return p
}

// upTo is a number below n that the plan's seed decides.
func (p plan) upTo(n uint64) int { return int(p.seed % n) } //nolint:gosec // n is small

// kind is a kind of fault.
type kind struct {
	name     string
	repeats  bool // it may happen up to three times in a row
	platform bool // it needs a namespace of the platform for itself
	children bool // it is about one of the tenant's objects
	restarts bool // it restarts the gateway's container, and is for workloads with restarts
	do       func(t *trial) action
}

var undisturbed = &kind{name: "undisturbed"}

// kinds of faults. Each happens when an operator is about to make a write.
var faults = []*kind{
	{name: "crash before", do: crash(false)},
	{name: "crash after", do: crash(true)},
	{name: "crash into the past", do: crashIntoThePast},
	{name: "crash with restart", restarts: true, do: crashWithRestart},
	{name: "restart before", restarts: true, do: restartBefore},
	{name: "restart after", restarts: true, do: restartAfter},
	{name: "409", repeats: true, do: refuse(http.StatusConflict, "Conflict", 0)},
	{name: "429", repeats: true, do: refuse(http.StatusTooManyRequests, "TooManyRequests", 1)},
	{name: "500", repeats: true, do: refuse(http.StatusInternalServerError, "InternalError", 0)},
	{name: "503", repeats: true, do: refuse(http.StatusServiceUnavailable, "ServiceUnavailable", 0)},
	{name: "403", repeats: true, do: refuse(http.StatusForbidden, "Forbidden", 0)},
	{name: "quota", repeats: true, do: func(*trial) action {
		return func(_ *operator, request *http.Request) (*http.Response, error) {
			return replySaying(request, http.StatusForbidden, "Forbidden", "exceeded quota: some, requested: count/things=1, used: count/things=9, limited: count/things=9", 0), nil
		}
	}},
	{name: "504 after", do: commit(func(r *http.Request) (*http.Response, error) {
		return reply(r, http.StatusGatewayTimeout, "Timeout", 0), nil
	})},
	{name: "reset", repeats: true, do: func(*trial) action {
		return func(*operator, *http.Request) (*http.Response, error) { return nil, errReset }
	}},
	{name: "reset after", do: commit(func(*http.Request) (*http.Response, error) { return nil, errReset })},
	{name: "status lost", do: loseStatus},
	{name: "reads fail", do: unreadable},
	{name: "frozen watch", do: freeze},
	{name: "relist", do: relist},
	{name: "late write", do: late},
	{name: "change of leader", platform: true, do: changeLeader},
	{name: "swallowed", children: true, do: swallow},
	{name: "deletes", children: true, do: meddle(deletes)},
	{name: "changes", children: true, do: meddle(changes)},
}

func kindNamed(name string) *kind {
	return faults[slices.IndexFunc(faults, func(k *kind) bool { return k.name == name })]
}

// action is what the trial's plan does at its point.
func (t *trial) action() action {
	if t.kind.do == nil {
		return nil
	}
	return t.kind.do(t)
}

// crash ends the operator before or after its write, and starts another.
func crash(after bool) func(*trial) action {
	return func(t *trial) action {
		return func(o *operator, request *http.Request) (*http.Response, error) {
			if after {
				drop(o.send(request))
			}
			o.crash()
			go func() { _ = t.start() }() // its failure is noted
			return nil, errCrashed
		}
	}
}

// crashIntoThePast ends the operator after its write. Its successor is first shown what there was before, as by an API
// server that lags behind, and its watches tell it late of what has become of that.
func crashIntoThePast(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		past := strconv.FormatUint(t.recorder.newest(t.namespace), 10)
		drop(o.send(request))
		o.crash()
		t.proxy.past.Store(&past)
		time.AfterFunc(time.Duration(1000+t.upTo(3000))*time.Millisecond, func() { t.proxy.past.Store(nil) })
		go func() { _ = t.start() }() // its failure is noted
		return nil, errCrashed
	}
}

// drop loses a reply.
func drop(response *http.Response, err error) {
	if err == nil {
		_ = response.Body.Close() // nobody reads it
	}
}

func refuse(code int, reason string, retryAfter int) func(*trial) action {
	return func(*trial) action {
		return func(_ *operator, request *http.Request) (*http.Response, error) {
			return reply(request, code, reason, retryAfter), nil
		}
	}
}

// commit makes the write, and the operator hears something else.
func commit(say func(*http.Request) (*http.Response, error)) func(*trial) action {
	return func(*trial) action {
		return func(o *operator, request *http.Request) (*http.Response, error) {
			drop(o.send(request))
			return say(request)
		}
	}
}

// loseStatus has somebody empty the tenant's status just before a write, as a restore from a backup does.
func loseStatus(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: t.namespace, Name: v1alpha1.Name}}
		err := t.admin.Status().Patch(request.Context(), tenant, client.RawPatch(types.MergePatchType, []byte(`{"status": null}`)))
		if client.IgnoreNotFound(err) != nil {
			t.fails(fmt.Errorf("emptying the status: %w", err))
		}
		return o.send(request)
	}
}

// unreadable lets the operator read nothing for a time from its write on, but for what its watches tell.
func unreadable(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		o.blind.Store(true)
		time.AfterFunc(time.Duration(500+t.upTo(2500))*time.Millisecond, func() { o.blind.Store(false) })
		return o.send(request)
	}
}

// freeze keeps events from the operator for a time after its write.
func freeze(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		o.watching.stalled.Store(true)
		o.watching.frozen.Store(true)
		time.AfterFunc(time.Duration(500+t.upTo(2500))*time.Millisecond, func() { o.watching.frozen.Store(false) })
		return o.send(request)
	}
}

// relist breaks the operator's watches with the next event, and refuses to take them up where they were.
func relist(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		o.watching.expired.Store(true)
		time.AfterFunc(time.Duration(500+t.upTo(1000))*time.Millisecond, func() { o.watching.expired.Store(false) })
		return o.send(request)
	}
}

// late lets a write of an operator that has crashed arrive while its successor is at work.
func late(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		request = request.Clone(context.WithoutCancel(request.Context()))
		o.crash()
		if err := t.start(); err != nil {
			return nil, err
		}
		go func() {
			time.Sleep(time.Duration(200+t.upTo(2000)) * time.Millisecond) // the plan decides how late
			drop(o.next.RoundTrip(request))
		}()
		return nil, errCrashed
	}
}

// changeLeader holds the leader's write, and its lease, until another leads; then the write arrives, too.
func changeLeader(t *trial) action {
	return func(o *operator, request *http.Request) (*http.Response, error) {
		o.unled.Store(true)
		o.watching.frozen.Store(true)
		if err := t.start(); err != nil {
			return nil, err
		}
		select {
		case <-t.current().running.Elected():
		case <-time.After(40 * time.Second):
			t.fails(fmt.Errorf("nobody else became leader"))
		}
		time.Sleep(time.Duration(t.upTo(1500)) * time.Millisecond) // the plan decides how far the new leader comes
		o.watching.frozen.Store(false)
		return o.send(request.Clone(context.WithoutCancel(request.Context())))
	}
}
