package leader

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// rollbackInterval is how often the Lease is read, which is as often as a standby does. A rollback is missed if the cluster makes up for
// all lost revisions in this time.
const rollbackInterval = 2 * RetryPeriod

// RollbackCheck ends the operator when the cluster has a state that is older than the one before, as after etcd was restored from a
// snapshot. The API server sends nothing to a watch that continues after a version which is still to come, so every cache would miss
// changes. An operator that starts fills its caches again. A leader usually ends by itself, since it cannot renew its Lease meanwhile; a
// standby does not. The version of the Lease, which changes every few seconds, shows it.
type RollbackCheck struct {
	Reader    client.Reader // from the API server
	Namespace string
	Name      string

	last string
}

// NeedLeaderElection reports that a standby checks as well: its caches are outdated, too.
func (*RollbackCheck) NeedLeaderElection() bool { return false }

// Start checks until ctx ends. It returns an error if the state is older than before.
func (c *RollbackCheck) Start(ctx context.Context) error {
	ticker := time.NewTicker(rollbackInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := c.check(ctx); err != nil {
			return err
		}
	}
}

// check returns an error if the Lease has an older version than at the last check. A failure to read it is no error: the next check
// follows.
func (c *RollbackCheck) check(ctx context.Context) error {
	lease := &coordinationv1.Lease{}
	if err := c.Reader.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: c.Name}, lease); err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("The Lease could not be read", "error", err)
		return nil
	}
	before := c.last
	c.last = lease.ResourceVersion
	if before == "" {
		return nil
	}
	if order, err := resourceversion.CompareResourceVersion(lease.ResourceVersion, before); err == nil && order < 0 {
		return fmt.Errorf("the cluster's state was replaced by an older one, as by a restore of etcd: Lease %s/%s has resourceVersion %s after %s; "+
			"the operator ends because its caches would miss changes, and must be started again", c.Namespace, c.Name, lease.ResourceVersion, before)
	}
	return nil
}
