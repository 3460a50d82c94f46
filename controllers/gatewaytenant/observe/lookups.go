package observe

import (
	"math"
	"sync"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// lookups decides when Events and pods are read from the API server to explain why a workload has no running pod. They are
// neither watched nor cached, since other clients decide how many exist and how large they are. Nothing is read about a workload
// that runs. A loss of this state costs additional reads.
type lookups struct {
	// slot is held while one workload is read. Each page that a read lists also needs the slot of the package bounded, which
	// all caches share and for which a read waits as long as it takes. A worker must not wait like that: it waits for this
	// slot only shortly, so that large Events of one tenant do not keep the workers from the others.
	slot chan struct{}

	mu sync.Mutex
	by map[lookupKey]*lookup
}

func newLookups() *lookups {
	return &lookups{slot: make(chan struct{}, 1), by: map[lookupKey]*lookup{}}
}

// preflightLookup is the kind of the preflight Job in a lookupKey.
const preflightLookup = "Preflight"

// lookupKey names a workload of a tenant.
type lookupKey struct{ namespace, kind string }

// lookupState is a state of a workload that needs an explanation.
type lookupState struct {
	what        string
	termination string // identifies a termination of a container; empty if the state is not about one
	urgent      bool   // whether it is read immediately
}

// lookup has the reads about a workload in one state.
type lookup struct {
	state lookupState
	since time.Time     // when the state was observed first
	last  time.Time     // when it was read last, zero before the first read
	wait  time.Duration // from that read to the next one
	reads int           // how many reads of this termination succeeded
	found diagnose.Problem
}

const (
	// MinFirstLookup is the shortest time that a workload has no pod, or a pod that does not run, before the first read.
	MinFirstLookup = 4 * time.Second
	// longestLookupWait is the longest wait between two reads of a state that lasts.
	longestLookupWait = 15 * time.Second
	// readsPerTermination is how many reads about one termination of a container succeed at most. Kubelets write Events
	// asynchronously, so the first read may be too early. The second one finds all Events about the termination.
	readsPerTermination = 2
	// never is how long to wait if there is nothing more to read.
	never time.Duration = math.MaxInt64
)

const (
	// lookupPatience is how long a worker waits for the slot, and lookupRetry how much later it tries again.
	lookupPatience, lookupRetry = 100 * time.Millisecond, time.Second
)

// begin reports whether a read may begin. If so, end must be called after it.
func (l *lookups) begin() bool {
	select {
	case l.slot <- struct{}{}:
		return true
	case <-time.After(lookupPatience):
		return false
	}
}

func (l *lookups) end() { <-l.slot }

// due returns what the last read found and how long to wait before the next one. A wait of zero or less means now. A new state is
// first read after a wait, unless it is urgent. The explanation of a termination also holds for the next termination in the same
// state, until a read finds another one: kubelets drop Events of a pod that has many.
func (l *lookups) due(key lookupKey, state lookupState, first time.Duration, now time.Time) (diagnose.Problem, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := l.by[key]
	switch {
	case is == nil || is.state.what != state.what:
		is = &lookup{state: state, since: now}
		l.by[key] = is
	case is.state.termination != state.termination:
		*is = lookup{state: state, since: now, found: is.found}
	}
	switch {
	case state.termination != "" && is.reads >= readsPerTermination:
		return is.found, never
	case !is.last.IsZero():
		return is.found, is.last.Add(is.wait).Sub(now)
	case state.urgent:
		return is.found, 0
	}
	return diagnose.Problem{}, is.since.Add(first).Sub(now)
}

// note records what a read found, and returns how long to wait before the next one. The wait doubles each time, and is at least
// first. It ends when the problem that was found is due to be reported, since that may have ended by then. A read that failed does not
// count towards readsPerTermination.
func (l *lookups) note(key lookupKey, found diagnose.Problem, done bool, first, due time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := l.by[key]
	if is == nil {
		return first
	}
	if done {
		is.reads++
	}
	is.found, is.last, is.wait = found, now, max(first, min(2*is.wait, longestLookupWait))
	if due > 0 {
		is.wait = min(is.wait, due)
	}
	return is.wait
}

// settle forgets a workload that needs no explanation.
func (l *lookups) settle(key lookupKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.by, key)
}

// forget drops a tenant that no longer exists.
func (l *lookups) forget(namespace string) {
	l.settle(lookupKey{namespace, "Job"})
	l.settle(lookupKey{namespace, preflightLookup})
	l.settle(lookupKey{namespace, "StatefulSet"})
}
