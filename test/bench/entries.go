package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// entries puts all tenants into platform-config, and then changes one entry after the other.
func (l *leg) entries(ctx context.Context, p plan, r *result) error {
	say("%d entries of %d are changed, one after the other", p.changes, len(l.tenants))
	levels := make([]string, len(l.tenants))
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "platform-config"}, Data: l.entriesText(levels)}
	if err := l.listAll(ctx, config); err != nil {
		return err
	}
	before, err := l.log.Mark()
	if err != nil {
		return err
	}
	var took []time.Duration
	var changed []string
	for i := range p.changes {
		which := i * len(l.tenants) / p.changes
		levels[which] = "debug"
		config.Data = l.entriesText(levels)
		one, err := l.change(ctx, config, l.tenants[which].namespace)
		if err != nil {
			return err
		}
		took, changed = append(took, one), append(changed, l.tenants[which].namespace)
	}
	if err := operatortest.Pause(ctx, settling); err != nil {
		return err
	}
	calls, err := l.log.Since(before)
	r.set("one_entry_p99_ms", milliseconds(took, 99))
	r.set("one_entry_other_writes", written("one entry changed", calls, append(changed, platformNamespace)...))
	return err
}

// listAll makes platform-config, and waits until the bridge has taken over all tenants, and has had time to tell so.
func (l *leg) listAll(ctx context.Context, config *corev1.ConfigMap) error {
	before, err := l.log.Mark()
	if err != nil {
		return err
	}
	if err := l.admin.Create(ctx, config); err != nil {
		return err
	}
	err = await(ctx, 2*time.Minute, func() error {
		calls, err := l.log.Since(before)
		if err != nil {
			return err
		}
		taken := 0
		for _, c := range calls {
			if kindOf(c) == bridge && c.Target() == "gatewaytenants" {
				taken++
			}
		}
		if taken < len(l.tenants) {
			return fmt.Errorf("the bridge has taken over %d of %d tenants; it says: %s", taken, len(l.tenants), l.bridgeSays(ctx))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return operatortest.Pause(ctx, settling)
}

// change updates platform-config, in which the entry of a namespace has changed. It returns the time until that tenant's
// StatefulSet was written, after a second in which the pod can restart.
func (l *leg) change(ctx context.Context, config *corev1.ConfigMap, namespace string) (time.Duration, error) {
	start := time.Now()
	if err := l.admin.Update(ctx, config); err != nil {
		return 0, err
	}
	took, err := l.writtenOf(ctx, namespace, "statefulsets", start)
	if err != nil {
		return 0, err
	}
	return took, operatortest.Pause(ctx, time.Second)
}

// bridgeSays is the beginning of the bridge's report.
func (l *leg) bridgeSays(ctx context.Context) string {
	var report corev1.ConfigMap
	if err := l.admin.Get(ctx, client.ObjectKey{Namespace: platformNamespace, Name: "platform-config" + entries.StatusSuffix}, &report); err != nil {
		return err.Error()
	}
	text := report.Data["summary"] + report.Data["entries"]
	return text[:min(len(text), 1000)]
}

// entriesText is platform-config with an entry for each tenant, some of them with a log level.
func (l *leg) entriesText(levels []string) map[string]string {
	var text strings.Builder
	for i, t := range l.tenants {
		fmt.Fprintf(&text, "- name: %s\n  gateway:\n    serverDnsNames: []\n", t.namespace)
		if levels[i] != "" {
			fmt.Fprintf(&text, "    config: |\n      openshell.gateway.log_level = %q\n", levels[i])
		}
	}
	return map[string]string{"namespaces": text.String()}
}
