package gatewaytenant

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// rivals are those who change what is ours again and again, such as an earlier control plane that still runs. A change or
// two are set back without a word.
type rivals struct {
	mu  sync.Mutex
	now func() time.Time
	by  map[string]map[string]*rivalry // by namespace and field manager
}

// rivalry counts changes that followed one another.
type rivalry struct {
	changes int
	last    time.Time
}

const (
	// tolerated is how many changes make no rival.
	tolerated = 2
	// forgotten is how long after its last change a manager is no rival any more.
	forgotten = 10 * time.Minute
)

// note counts a change of somebody's.
func (r *rivals) note(namespace string, managers []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]map[string]*rivalry{}
	}
	if r.by[namespace] == nil {
		r.by[namespace] = map[string]*rivalry{}
	}
	for _, manager := range managers {
		is := r.by[namespace][manager]
		if is == nil || r.now().Sub(is.last) > forgotten {
			is = &rivalry{}
			r.by[namespace][manager] = is
		}
		is.changes++
		is.last = r.now()
	}
}

// of are a tenant's rivals, sorted, and how long that holds.
func (r *rivals) of(namespace string) (managers []string, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, manager := range slices.Sorted(maps.Keys(r.by[namespace])) {
		is := r.by[namespace][manager]
		left := forgotten - r.now().Sub(is.last)
		switch {
		case left <= 0:
			delete(r.by[namespace], manager)
		case is.changes > tolerated:
			managers = append(managers, manager)
			wait = max(wait, left)
		}
	}
	return managers, wait
}

// forget drops a tenant that is gone.
func (r *rivals) forget(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, namespace)
}
