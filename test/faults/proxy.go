package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// proxy stands between the operators of one trial and the API server, and owns the schedule. It is in this process, so
// that a hundred plans a minute cost no sockets.
type proxy struct {
	namespace string
	seed      uint64
	admin     client.Client          // for canaries
	memory    sync.Map               // of a canary, beyond an operator's life
	past      atomic.Pointer[string] // the version that lists are of, while watches tell nothing; nil: the present
	away      atomic.Bool            // the API server cannot be reached
	free      bool                   // writes need not wait for each other: with many tenants, some would wait for ever

	mu        sync.Mutex
	armed     bool           // points are counted
	seen      map[string]int // by key, how many writes there were since it was armed
	points    []string       // in their order
	at        string         // where something is to happen; empty: nowhere
	do        action
	fired     bool
	again     int // how many more writes of the same key the action is for
	lastWrite time.Time
	outside   []string // writes that are none of the tenant's business
	allowed   func(target) bool
}

// action does what a plan asks for when an operator is about to make a write, and says what the operator gets for it.
type action func(o *operator, request *http.Request) (*http.Response, error)

// arm begins to count, and has do be done at the given point and the next further writes of the same key.
func (p *proxy) arm(at string, further int, do action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.seen, p.at, p.do, p.again = true, map[string]int{}, at, do, further
}

// happened tells whether the plan's point was reached.
func (p *proxy) happened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// came tells by which points the operators came, in their order.
func (p *proxy) came() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.points)
}

// strayed are the writes that are none of the tenant's business.
func (p *proxy) strayed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.outside)
}

// quietFor is how long no write was made.
func (p *proxy) quietFor() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.lastWrite)
}

// note counts a write, and tells whether it is the plan's point.
func (p *proxy) note(request *http.Request) (action, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastWrite = time.Now()
	if t := targetOf(request.URL.Path); !p.allowed(t) && len(p.outside) < 10 {
		p.outside = append(p.outside, request.Method+" "+request.URL.Path)
	}
	if !p.armed {
		return nil, false
	}
	key := keyOf(request, p.namespace)
	p.seen[key]++
	point := fmt.Sprintf("%s #%d", key, p.seen[key])
	p.points = append(p.points, point)
	switch {
	case !p.fired && point == p.at:
		p.fired = true
		return p.do, true
	case p.fired && p.again > 0 && strings.HasPrefix(p.at, key+" #"):
		p.again--
		return p.do, true
	}
	return nil, false
}

// operatorEnd is one operator's end of the proxy.
type operatorEnd struct {
	next http.RoundTripper
	of   *operator
}

var errCrashed = errors.New("this operator has crashed")

// RoundTrip forwards a request, unless the plan has something else for it.
func (e *operatorEnd) RoundTrip(request *http.Request) (*http.Response, error) {
	o := e.of
	if o.dead.Load() {
		return nil, errCrashed
	}
	if o.proxy.away.Load() {
		return nil, errReset
	}
	if !writes(request) {
		return o.read(request, e.next)
	}
	if !o.proxy.free {
		leave := o.gate.enter(order(o.proxy.seed, keyOf(request, o.proxy.namespace)))
		defer leave()
	}
	if o.dead.Load() {
		return nil, errCrashed
	}
	if do, now := o.proxy.note(request); now {
		return do(o, request)
	}
	return o.send(request)
}

// send makes a write, and loses the reply if the operator is dead by then.
func (o *operator) send(request *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(request)
	if err == nil && o.dead.Load() {
		_ = response.Body.Close()
		return nil, errCrashed
	}
	return response, err
}

// order is a write's place among concurrent ones.
func order(seed uint64, key string) uint64 {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%d %s", seed, key)
	return hash.Sum64()
}

// gate lets concurrent writes through one at a time, in the order that the seed gives them.
type gate struct {
	mu      sync.Mutex
	busy    bool
	waiting []uint64
	arrived time.Time
}

// gather is how long writes are waited for that may come at the same time.
const gather = 2 * time.Millisecond

func (g *gate) enter(place uint64) (leave func()) {
	g.mu.Lock()
	g.waiting = append(g.waiting, place)
	g.arrived = time.Now()
	g.mu.Unlock()
	for ; ; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		if !g.busy && time.Since(g.arrived) > gather && slices.Min(g.waiting) == place {
			g.busy = true
			g.waiting = slices.Delete(g.waiting, slices.Index(g.waiting, place), slices.Index(g.waiting, place)+1)
			g.mu.Unlock()
			return g.leave
		}
		g.mu.Unlock()
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	g.busy = false
	g.mu.Unlock()
}

// watching is what a plan may do to an operator's watches.
type watching struct {
	frozen  atomic.Bool
	stalled atomic.Bool            // it was frozen once
	expired atomic.Bool            // a watch that begins is told that its version is too old
	swallow atomic.Pointer[string] // an object whose deletion is not heard of, and what comes after it late
}
