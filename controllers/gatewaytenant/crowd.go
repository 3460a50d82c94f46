package gatewaytenant

import (
	"sync"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
)

// crowd is the tenants that are on their way to Ready. Where many are, a pod waits for its volume and its node because the
// others do, and that is not worth a word on each.
type crowd struct {
	mu  sync.Mutex
	are map[string]struct{} // by namespace
}

const (
	// patience is how long a new gateway may take to start, and a pod may wait for a node, before that is worth a word:
	// nearly every pod does for a moment.
	patience = diagnose.Grace
	// share is how much longer, for each tenant that is on its way: a control plane with two cores brings four a second to
	// Ready.
	share = 250 * time.Millisecond
	// longest is when it is worth a word anyway.
	longest = 5 * time.Minute
)

// note takes a tenant in or out.
func (c *crowd) note(namespace string, onTheWay bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !onTheWay {
		delete(c.are, namespace)
		return
	}
	if c.are == nil {
		c.are = map[string]struct{}{}
	}
	c.are[namespace] = struct{}{}
}

// patience is how long one of so many may wait.
func (c *crowd) patience() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(patience+time.Duration(len(c.are))*share, longest)
}

// firstLookup is how long one of so many may have no pod before the API server is asked why.
func (c *crowd) firstLookup() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return min(minFirstLookup+time.Duration(len(c.are))*share, longest)
}
