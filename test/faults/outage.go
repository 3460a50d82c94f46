package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// outage kills the API server and etcd while many tenants come up, starts both again, and says what was lost by it.
func (c *campaign) outage(ctx context.Context, tenants int) (wrong []string, err error) {
	home, err := c.everywhere(ctx, plan{workload: &workload{name: "outage"}, kind: undisturbed})
	if err != nil {
		return nil, err
	}
	defer home.end()
	all := make([]*trial, tenants)
	var makers errgroup.Group
	makers.SetLimit(c.parallel)
	for i := range all {
		makers.Go(func() error {
			t, err := c.newTrial(ctx, plan{workload: &workload{name: "outage"}, kind: undisturbed})
			if err != nil {
				return err
			}
			all[i] = t
			return createTenant(ctx, t)
		})
	}
	err = makers.Wait()
	defer func() {
		for _, t := range all {
			if t != nil {
				t.end()
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	if err := c.killAmong(ctx, all); err != nil {
		return nil, err
	}
	began := time.Now()
	waiting, cancel := context.WithTimeout(ctx, 2*home.patience)
	defer cancel()
	if err := poll(waiting, func() error {
		if ready := readyOf(all); ready < tenants || home.proxy.quietFor() < home.silence {
			return fmt.Errorf("%d of %d tenants are Ready", ready, tenants)
		}
		return nil
	}); err != nil {
		wrong = append(wrong, err.Error())
	}
	fmt.Fprintf(c.out, "outage: all was over %s after it\n", time.Since(began).Round(time.Second))
	create, compared := c.undisturbed[workloadNamed("create")]
	for _, t := range all {
		if compared {
			is, err := t.stateOf(ctx, t.admin)
			if err != nil {
				return nil, err
			}
			wrong = append(wrong, difference(create.state, is)...)
		}
		changes := c.recorder.changes(t.namespace)
		wrong = append(wrong, t.absences(changes)...)
		for of, n := range versions(changes) {
			if n > 1 && of.kind != "Job" {
				wrong = append(wrong, fmt.Sprintf("%s in %s was made %d times", of, t.namespace, n))
			}
		}
	}
	return wrong, home.harness()
}

// killAmong kills etcd and the API server when a quarter of the tenants are Ready, and starts both again.
func (c *campaign) killAmong(ctx context.Context, all []*trial) error {
	some, enough := context.WithTimeout(ctx, c.env.patience)
	defer enough()
	if err := poll(some, func() error {
		if ready := readyOf(all); ready < len(all)/4 {
			return fmt.Errorf("outage: %d of %d tenants are Ready before it", ready, len(all))
		}
		return nil
	}); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "outage: of %d tenants %d are Ready; etcd and the API server are killed\n", len(all), readyOf(all))
	for _, name := range []string{devcluster.APIServer, devcluster.Etcd} {
		if err := c.cluster.Kill(name); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second) // the outage
	for _, name := range []string{devcluster.Etcd, devcluster.APIServer} {
		if err := c.cluster.Restart(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func readyOf(all []*trial) (count int) {
	for _, t := range all {
		if tenant, err := t.tenant(); err == nil && meta.IsStatusConditionTrue(tenant.Status.Conditions, v1alpha1.ConditionReady) {
			count++
		}
	}
	return count
}

// everywhere is a trial whose operator works in all namespaces.
func (c *campaign) everywhere(ctx context.Context, p plan) (*trial, error) {
	home, err := c.newTrial(ctx, p)
	if err != nil {
		return nil, err
	}
	home.options.WatchNamespaces, home.options.Concurrency = nil, 16
	home.proxy.free = true
	home.proxy.allowed = func(target) bool { return true }
	return home, home.start()
}
