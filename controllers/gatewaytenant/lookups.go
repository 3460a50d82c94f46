package gatewaytenant

import (
	"sync"
	"time"
)

// lookups decides when the API server is asked why a workload has no pod, or what its pods and their Events report. Nothing of
// it is watched or cached, since other clients decide how many Events and pods there are, and how large. Nothing is read about a
// workload that runs.
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

// lookupKey names a workload of a tenant.
type lookupKey struct{ namespace, kind string }

// lookup is what is known of a workload in one state.
type lookup struct {
	state string
	since time.Time     // when the state was observed first
	last  time.Time     // when it was read last; zero: never
	wait  time.Duration // from that read to the next one
	found trouble
}

const (
	// minFirstLookup is the shortest time that a workload has no pod, or a pod that does not run, before the first read.
	minFirstLookup = 4 * time.Second
	// longestLookupWait is the longest wait between two reads of a state that lasts.
	longestLookupWait = 15 * time.Second
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

// due returns what the last read found and how long to wait before the next one; zero or less means now. A new state is
// first read after a wait, unless it is urgent.
func (l *lookups) due(key lookupKey, state string, urgent bool, first time.Duration, now time.Time) (trouble, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := l.by[key]
	if is == nil || is.state != state {
		is = &lookup{state: state, since: now}
		l.by[key] = is
	}
	switch {
	case !is.last.IsZero():
		return is.found, is.last.Add(is.wait).Sub(now)
	case urgent:
		return trouble{}, 0
	}
	return trouble{}, is.since.Add(first).Sub(now)
}

// note keeps what a read found, and returns how long until the next one: each time twice as long, and never less than
// before the first one.
func (l *lookups) note(key lookupKey, found trouble, first time.Duration, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := l.by[key]
	if is == nil {
		return first
	}
	is.found, is.last, is.wait = found, now, max(first, min(2*is.wait, longestLookupWait))
	return is.wait
}

// settle forgets a workload that needs no explanation.
func (l *lookups) settle(key lookupKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.by, key)
}

// forget drops a tenant that is gone.
func (l *lookups) forget(namespace string) {
	l.settle(lookupKey{namespace, "Job"})
	l.settle(lookupKey{namespace, "StatefulSet"})
}
