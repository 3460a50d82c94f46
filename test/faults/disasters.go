package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	operatoroptions "github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// disaster happens to a whole cluster while the operator runs, with a deliberate bug of the operator that it must show.
type disaster struct {
	name    string
	happens func(c *campaign, ctx context.Context, home *trial, all []*trial) error // home has the operators
	bug     *canary
	options func(*operatoroptions.Options) // of the operator with the bug
}

var disasters = []disaster{
	{name: "the CRD is deleted and made again", happens: (*campaign).loseCRD, bug: &canary{name: "volumes go with the CRD", bug: losesClaims}},
	{name: "etcd is restored from a snapshot", happens: (*campaign).restoreEtcd, bug: &canary{name: "the past is not noticed", bug: nothingElse}, options: func(o *operatoroptions.Options) {
		o.LeaderElect = false // who does not read the lease does not notice
	}},
}

// disastersHappen lets each disaster happen, also to an operator with its bug, and returns what was wrong afterwards.
func (c *campaign) disastersHappen(ctx context.Context, tenants int) (wrong []string, err error) {
	for _, d := range disasters {
		found, err := c.happen(ctx, d, tenants, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		wrong = append(wrong, found...)
		if !c.canaries {
			continue
		}
		found, err = c.happen(ctx, d, 3, d.bug)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s, with a bug: %w", d.name, err)
		case len(found) == 0:
			c.missed = append(c.missed, d.bug.name)
			fmt.Fprintf(c.out, "CANARY MISSED: %s\n    by: %s\n", d.bug.name, d.name)
		default:
			c.caught = append(c.caught, d.bug.name)
			fmt.Fprintf(c.out, "canary caught: %s\n    by: %s\n    as: %s\n", d.bug.name, d.name, short(found[0]))
		}
	}
	return wrong, nil
}

// happen creates tenants, lets a disaster happen, and returns what differs when all of them serve again.
func (c *campaign) happen(ctx context.Context, d disaster, tenants int, bug *canary) (wrong []string, err error) {
	home, err := c.everywhere(ctx, plan{kind: undisturbed, bug: bug, workload: &workload{name: d.name, options: func(o *operatoroptions.Options) {
		if o.LeaderElect = true; bug != nil && d.options != nil {
			d.options(o)
		}
	}}})
	if err != nil {
		return nil, err
	}
	defer home.end()
	if home.options.LeaderElect { // a standby, whose caches are as old as the leader's
		if err := home.start(); err != nil {
			return nil, err
		}
	}
	all := make([]*trial, tenants)
	for i := range all {
		if all[i], err = c.newTrial(ctx, plan{workload: &workload{name: "disaster"}, kind: undisturbed}); err != nil {
			return nil, err
		}
		defer all[i].end()
		if err := createTenant(ctx, all[i]); err != nil {
			return nil, err
		}
	}
	if err := c.allReady(ctx, all); err != nil {
		return nil, err
	}
	fmt.Fprintf(c.out, "disaster: %s, with %d tenants\n", d.name, tenants)
	if err := d.happens(c, ctx, home, all); err != nil {
		lasting, is := errors.AsType[*lastingError](err)
		if !is {
			return nil, err
		}
		wrong = append(wrong, lasting.Error())
	}
	return wrong, home.harness()
}

// lastingError is what was still wrong when patience was over.
type lastingError struct{ error }

// eventually waits until all is as it should be.
func (c *campaign) eventually(ctx context.Context, all []*trial, check func(context.Context, *trial) error) error {
	waiting, cancel := context.WithTimeout(ctx, c.env.patience)
	defer cancel()
	for _, t := range all {
		if err := poll(waiting, func() error { return check(waiting, t) }); err != nil {
			return &lastingError{fmt.Errorf("%s: %w", t.namespace, err)}
		}
	}
	return ctx.Err()
}

func (c *campaign) allReady(ctx context.Context, all []*trial) error {
	return c.eventually(ctx, all, func(ctx context.Context, t *trial) error {
		_, err := operatortest.TenantWith(ctx, t.admin, t.namespace, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
		return err
	})
}

// loseCRD deletes the CRD, and with it all GatewayTenants and what they own, and makes both again. The claims stay.
func (c *campaign) loseCRD(ctx context.Context, _ *trial, all []*trial) error {
	claims := map[*trial]string{}
	for _, t := range all {
		is, err := t.fingerprint(ctx)
		if err != nil {
			return err
		}
		claims[t] = is["claim"]
	}
	if _, err := c.cluster.Kubectl(ctx, "delete", "crd", "gatewaytenants.openshell.ambient-code.io", "--timeout=60s"); err != nil {
		return err
	}
	if err := c.eventually(ctx, all, func(ctx context.Context, t *trial) error {
		err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.GatewayName}, &appsv1.StatefulSet{})
		if err == nil {
			err = errors.New("its StatefulSet is still there")
		}
		return client.IgnoreNotFound(err)
	}); err != nil {
		return err
	}
	if _, err := c.cluster.Kubectl(ctx, "apply", "-k", "config/crd"); err != nil {
		return err
	}
	for _, t := range all {
		if err := poll(ctx, func() error { return client.IgnoreAlreadyExists(createTenant(ctx, t)) }); err != nil { // the API server serves the CRD a little later
			return err
		}
	}
	if err := c.allReady(ctx, all); err != nil {
		return err
	}
	for _, t := range all {
		if is, err := t.fingerprint(ctx); err != nil {
			return err
		} else if is["claim"] != claims[t] {
			return &lastingError{fmt.Errorf("%s: the claim is another one", t.namespace)}
		}
	}
	return nil
}

// nothingElse is no bug: the operator's options have it.
func nothingElse(i *infection, request *http.Request) (*http.Response, error) {
	return i.next.RoundTrip(request)
}

// losesClaims deletes the claim of a tenant together with its ClusterRoleBinding.
func losesClaims(i *infection, request *http.Request) (*http.Response, error) {
	if of := targetOf(request.URL.Path); request.Method == http.MethodDelete && of.resource == "clusterrolebindings" {
		namespace := strings.TrimPrefix(of.name, manifests.NodeReaderPrefix)
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: manifests.ClaimName}}
		if err := client.IgnoreNotFound(i.of.proxy.admin.Delete(context.Background(), claim)); err != nil {
			return nil, err
		}
	}
	return i.next.RoundTrip(request)
}
