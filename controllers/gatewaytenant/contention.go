package gatewaytenant

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// contention counts how often other field managers changed fields that the operator manages. A manager that changes them
// repeatedly, such as an earlier control plane that still runs, deserves a warning. One or two changes are reverted without it.
//
// It is held in memory because no object records a change that was reverted. After a loss, a manager that continues is reported
// again after a few more changes.
type contention struct {
	mu  sync.Mutex
	now func() time.Time
	by  map[string]map[string]*streak // by namespace and field manager
}

// streak is a number of changes, each of which followed the one before it within the window.
type streak struct {
	changes int
	last    time.Time
}

const (
	// contentionThreshold is the largest number of changes that is not reported.
	contentionThreshold = 2
	// contentionWindow is how long after its last change a manager is reported.
	contentionWindow = 10 * time.Minute
)

// note counts a change by these field managers.
func (c *contention) note(namespace string, managers []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]map[string]*streak{}
	}
	if c.by[namespace] == nil {
		c.by[namespace] = map[string]*streak{}
	}
	for _, manager := range managers {
		is := c.by[namespace][manager]
		if is == nil || c.now().Sub(is.last) > contentionWindow {
			is = &streak{}
			c.by[namespace][manager] = is
		}
		is.changes++
		is.last = c.now()
	}
}

// managers returns the field managers to report for a tenant, sorted, and how long until none of them has to be
// reported.
func (c *contention) managers(namespace string) (managers []string, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, manager := range slices.Sorted(maps.Keys(c.by[namespace])) {
		is := c.by[namespace][manager]
		left := contentionWindow - c.now().Sub(is.last)
		switch {
		case left <= 0:
			delete(c.by[namespace], manager)
		case is.changes > contentionThreshold:
			managers = append(managers, manager)
			wait = max(wait, left)
		}
	}
	return managers, wait
}

// forget drops a tenant that no longer exists.
func (c *contention) forget(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, namespace)
}
