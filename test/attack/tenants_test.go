package attack

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// mostConfig is the size of the largest configuration that a GatewayTenant may have.
const mostConfig = 64 << 10

// editConfig gives a tenant of its own a configuration, in two sizes, and edits it ten times a second.
func editConfig(of sample) func(context.Context, *place, string) error {
	return func(ctx context.Context, p *place, name string) error {
		if err := p.namespace(ctx, name); err != nil {
			return err
		}
		tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: v1alpha1.Name}}
		if err := p.client.Create(ctx, tenant); err != nil {
			return err
		}
		for i := range *edits {
			size := 20_000
			if i%2 == 1 {
				size = mostConfig
			}
			text := of.text(size-16) + fmt.Sprintf("# %d\n", i)
			if len(text) > size || len(text) < size*9/10 {
				return fmt.Errorf("the configuration has %d bytes instead of %d", len(text), size)
			}
			err := p.patch(ctx, tenant, map[string]any{"spec": map[string]any{"config": text}})
			if apierrors.IsInvalid(err) {
				return nil // the API server withstands it
			} else if err != nil {
				return err
			}
			if err := operatortest.Pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	}
}

// mostList is about the size of the largest list that a ConfigMap can hold.
const mostList = 1<<20 - 1000

// listEntries adds a ConfigMap with entries to the platform's configuration, and edits it.
func listEntries(of sample) func(context.Context, *place, string) error {
	return func(ctx context.Context, p *place, name string) error {
		config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: platformNamespace, Name: name, Labels: map[string]string{entries.LabelShard: "true", labelAttack: "true"},
		}}
		if err := p.client.Create(ctx, config); err != nil {
			return err
		}
		for _, size := range []int{35_000, mostList} {
			for i := range 3 {
				text := of.text(size) + fmt.Sprintf("# %d\n", i)
				if err := p.write(ctx, func() error {
					return p.patch(ctx, config, map[string]any{"data": map[string]string{entries.Key: text}})
				}); err != nil {
					return fmt.Errorf("%d bytes: %w", len(text), err)
				}
				if err := operatortest.Pause(ctx, time.Second); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// largeTenants creates GatewayTenants that have the largest size in every respect.
func largeTenants(ctx context.Context, p *place, name string) error {
	var names []string
	for i := range 64 {
		label := strings.Repeat("a", 60) + "."
		names = append(names, fmt.Sprintf("n%02d.%s%s", i, strings.Repeat(label, 3), strings.Repeat("a", 60)))
	}
	labels := map[string]string{}
	for i := range 20 {
		labels[fmt.Sprintf("example.com/label-%02d", i)] = strings.Repeat("v", 63)
	}
	var allowed []v1alpha1.AllowedClient
	for range 32 {
		selector := &metav1.LabelSelector{MatchLabels: labels}
		allowed = append(allowed, v1alpha1.AllowedClient{NamespaceSelector: selector, PodSelector: selector})
	}
	for i := range 50 {
		namespace := fmt.Sprintf("%s-%d", name, i)
		if err := p.namespace(ctx, namespace); err != nil {
			return err
		}
		tenant := &v1alpha1.GatewayTenant{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name, Annotations: largeAnnotations()},
			Spec: v1alpha1.GatewayTenantSpec{
				ServerDNSNames: names, Network: v1alpha1.Network{AllowedClients: allowed},
				Config: "[openshell.gateway]\nlog_level = '''" + strings.Repeat("\"", mostConfig-64) + "'''\n",
			},
		}
		if err := p.write(ctx, func() error { return p.client.Create(ctx, tenant) }); err != nil {
			return err
		}
	}
	return nil
}

// children changes what belongs to its own tenants: large annotations, and many field managers.
func children(ctx context.Context, p *place, name string) error {
	const tenants = 3
	for i := range tenants {
		if err := p.readyTenant(ctx, fmt.Sprintf("%s-%d", name, i)); err != nil {
			return err
		}
	}
	for i := range tenants {
		for _, child := range childrenOf(fmt.Sprintf("%s-%d", name, i)) {
			for round := range 2 {
				annotations := largeAnnotations()
				annotations["example.com/round"] = fmt.Sprint(round)
				patch := map[string]any{"metadata": map[string]any{"annotations": annotations}}
				if err := p.write(ctx, func() error { return p.patch(ctx, child, patch) }); err != nil {
					return err
				}
			}
		}
	}
	for _, child := range childrenOf(name + "-0")[:2] {
		for i := range 100 {
			if err := p.own(ctx, child, fmt.Sprintf("manager-%d", i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// readyTenant creates a tenant in a namespace of its own and waits until it is Ready.
func (p *place) readyTenant(ctx context.Context, namespace string) error {
	if err := p.namespace(ctx, namespace); err != nil {
		return err
	}
	tenant := &v1alpha1.GatewayTenant{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.Name}}
	if err := p.client.Create(ctx, tenant); err != nil {
		return err
	}
	return p.waitReady(ctx, namespace, time.Minute)
}

// largeAnnotations returns annotations of 200 KiB, near what the API server accepts: half of them with the operator's own prefix.
func largeAnnotations() map[string]string {
	half := strings.Repeat("v", 100<<10-64)
	return map[string]string{"openshell.ambient-code.io/x": half, "example.com/x": half}
}

// dashed returns the name of an attack as a name of Kubernetes.
func dashed(name string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == ':' || r == ',' }), "-"))
}

// named returns an object's name and namespace.
func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}
