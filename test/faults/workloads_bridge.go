package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/manifests"
	"github.com/ambient-code/gatewaytenant-operator/test/earlier"
)

const (
	entry        = "- {name: NAMESPACE, gateway: {serverDnsNames: [a.example.com]}}"
	changedEntry = "- {name: NAMESPACE, gateway: {serverDnsNames: [b.example.com], image: 'ghcr.io/nvidia/openshell/gateway:0.0.110'}}"
)

func init() {
	workloads = append(workloads,
		&workload{name: "entry added", bridge: true, prepare: entries("[]", nil), change: setEntries(entry), done: withNames("a.example.com")},
		&workload{name: "entry changed", bridge: true, prepare: entries(entry, withNames("a.example.com")), change: setEntries(changedEntry), done: withNames("b.example.com")},
		&workload{name: "entry removed", bridge: true, prepare: entries(entry, withNames("a.example.com")), change: setEntries("[]"), done: allGone, all: true},
		&workload{name: "adoption", prepare: earlierGateway, change: createTenant, done: adopted, adopts: true,
			replaces: map[id]bool{{"RoleBinding", manifests.SandboxName}: true, {"RoleBinding", manifests.CertgenName}: true}},
	)
}

// entries makes platform-config, and waits until what is in it has come.
func entries(text string, done func(*trial) error) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "platform-config", Namespace: t.platform}, Data: t.entries(text)}
		if err := t.admin.Create(ctx, config); err != nil {
			return err
		}
		return poll(ctx, func() error {
			report := &corev1.ConfigMap{}
			if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.platform, Name: "platform-config-status"}, report); err != nil || done == nil {
				return err
			}
			return done(t)
		})
	}
}

func setEntries(text string) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		config := &corev1.ConfigMap{}
		if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.platform, Name: "platform-config"}, config); err != nil {
			return err
		}
		config.Data = t.entries(text)
		return t.admin.Update(ctx, config)
	}
}

func (t *trial) entries(text string) map[string]string {
	return map[string]string{"namespaces": strings.ReplaceAll(text, "NAMESPACE", t.namespace)}
}

// allGone tells what is still there of a tenant apart from its volume.
func allGone(t *trial) error {
	for of := range t.recorder.present(t.namespace) {
		switch {
		case t.mayStay(of):
		case of.kind == "PersistentVolumeClaim" || of.name == "default" || of.name == "kube-root-ca.crt":
		default:
			return fmt.Errorf("%s is still there", of)
		}
	}
	return nil
}

// earlierGateway makes the gateway of an earlier control plane, and waits until it serves.
func earlierGateway(ctx context.Context, t *trial) error {
	if err := earlier.Create(ctx, t.admin, t.namespace); err != nil {
		return err
	}
	return poll(ctx, func() error {
		set := &appsv1.StatefulSet{}
		if err := t.admin.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: manifests.GatewayName}, set); err != nil {
			return err
		}
		if set.Status.ReadyReplicas != 1 {
			return fmt.Errorf("the earlier gateway does not serve")
		}
		return nil
	})
}

// adopted tells whether the gateway is Ready and all that the earlier control plane leaves behind is cleared up.
func adopted(t *trial) error {
	leftovers := []id{{"Role", manifests.SandboxName}, {"Role", manifests.CertgenName}}
	for of := range t.recorder.present(t.namespace) {
		if slices.Contains(leftovers, of) {
			return fmt.Errorf("%s is still there", of)
		}
	}
	return ready(t)
}
