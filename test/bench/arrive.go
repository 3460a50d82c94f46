package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig"
)

// arrivalRate is how many tenants come a second when many do.
const arrivalRate = 20

// single measures how long one tenant takes on a cluster where nothing else happens.
func (l *leg) single(ctx context.Context, p plan, r *result) error {
	say("%d tenants, one after the other", p.single)
	tenants, err := l.makeNamespaces(ctx, "alone", p.single)
	if err != nil {
		return err
	}
	if err := pause(ctx, settling); err != nil {
		return err
	}
	var took []time.Duration
	for i := range tenants {
		created := time.Now()
		if err := l.makeTenant(ctx, &tenants[i]); err != nil {
			return err
		}
		one, err := l.foundationOf(ctx, tenants[i].namespace, created)
		if err != nil {
			return err
		}
		took = append(took, one)
		if _, err := l.seen.allReady(ctx, time.Minute, tenants[i:i+1]); err != nil {
			return err
		}
	}
	l.tenants = append(l.tenants, tenants...)
	r.set("idle_p50_ms", milliseconds(took, 50))
	r.set("idle_p99_ms", milliseconds(took, 99))
	return nil
}

// arrivals measures the same while many tenants come.
func (l *leg) arrivals(ctx context.Context, p plan, r *result) error {
	say("%d tenants, %d a second", p.arrivals, arrivalRate)
	tenants, err := l.makeNamespaces(ctx, "crowd", p.arrivals)
	if err != nil {
		return err
	}
	if err := pause(ctx, settling); err != nil {
		return err
	}
	created := make([]time.Time, len(tenants))
	start := time.Now()
	err = each(ctx, len(tenants), func(ctx context.Context, i int) error {
		if err := pause(ctx, time.Until(start.Add(time.Duration(i)*time.Second/arrivalRate))); err != nil {
			return err
		}
		created[i] = time.Now()
		return l.makeTenant(ctx, &tenants[i])
	})
	if err != nil {
		return err
	}
	if _, err := l.seen.allReady(ctx, p.limit(len(tenants)), tenants); err != nil {
		return err
	}
	var took []time.Duration
	for i, t := range tenants {
		one, err := l.foundationOf(ctx, t.namespace, created[i])
		if err != nil {
			return err
		}
		took = append(took, one)
	}
	l.tenants = append(l.tenants, tenants...)
	r.set("arrivals_p50_ms", milliseconds(took, 50))
	r.set("arrivals_p99_ms", milliseconds(took, 99))
	return nil
}

// foundationOf says how long after its creation a tenant had all objects that do not wait for certgen; the last of these
// is certgen's Job.
func (l *leg) foundationOf(ctx context.Context, namespace string, created time.Time) (took time.Duration, err error) {
	return took, await(ctx, 30*time.Second, func() error {
		calls, err := l.audit.calls()
		if err != nil {
			return err
		}
		for _, c := range slices.Backward(calls) {
			if c.namespace == namespace && c.resource == "jobs" && c.code < 300 {
				took = c.at.Sub(created)
				return nil
			}
		}
		return fmt.Errorf("the certgen Job of %s is not there", namespace)
	})
}

// outlier is how long a change takes that is worth a word, if none took longer before.
const outlier = 200 * time.Millisecond

// entries puts all tenants into platform-config, and then changes one entry after the other.
func (l *leg) entries(ctx context.Context, p plan, r *result) error {
	say("%d entries of %d are changed, one after the other", p.changes, len(l.tenants))
	levels := make([]string, len(l.tenants))
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: platformNamespace, Name: "platform-config"}, Data: l.entriesText(levels)}
	before, err := l.mark()
	if err != nil {
		return err
	}
	if err := l.admin.Create(ctx, config); err != nil {
		return err
	}
	err = await(ctx, 2*time.Minute, func() error { // taken over, and told so
		calls, err := l.since(before)
		if err != nil {
			return err
		}
		taken := 0
		for _, c := range calls {
			if c.kind() == bridge && c.resource == "gatewaytenants" {
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
	if err := pause(ctx, settling); err != nil {
		return err
	}
	var took []time.Duration
	var changed []string
	if before, err = l.mark(); err != nil {
		return err
	}
	for i := range p.changes {
		which := i * len(l.tenants) / p.changes
		levels[which] = "debug"
		config.Data = l.entriesText(levels)
		start := time.Now()
		if err := l.admin.Update(ctx, config); err != nil {
			return err
		}
		namespace := l.tenants[which].namespace
		one, err := l.statefulSetOf(ctx, namespace, start)
		if err != nil {
			return err
		}
		if one > slices.Max(append(took, outlier)) {
			say("  change %d took %d ms", i, one.Milliseconds())
		}
		took, changed = append(took, one), append(changed, namespace)
		if err := pause(ctx, time.Second); err != nil { // its pod starts anew
			return err
		}
	}
	if err := pause(ctx, settling); err != nil {
		return err
	}
	calls, err := l.since(before)
	r.set("one_entry_p50_ms", milliseconds(took, 50))
	r.set("one_entry_p99_ms", milliseconds(took, 99))
	r.set("one_entry_other_writes", written("one entry changed", calls, append(changed, platformNamespace)...))
	return err
}

// bridgeSays is the beginning of the bridge's report.
func (l *leg) bridgeSays(ctx context.Context) string {
	var report corev1.ConfigMap
	if err := l.admin.Get(ctx, client.ObjectKey{Namespace: platformNamespace, Name: "platform-config" + platformconfig.StatusSuffix}, &report); err != nil {
		return err.Error()
	}
	text := report.Data["summary"] + report.Data["entries"]
	return text[:min(len(text), 1000)]
}

// statefulSetOf says how long after start a tenant's StatefulSet was written.
func (l *leg) statefulSetOf(ctx context.Context, namespace string, start time.Time) (took time.Duration, err error) {
	return took, await(ctx, 30*time.Second, func() error {
		calls, err := l.audit.calls()
		if err != nil {
			return err
		}
		for _, c := range slices.Backward(calls) {
			if c.namespace == namespace && c.resource == "statefulsets" && c.code < 300 && c.at.After(start) {
				took = c.at.Sub(start)
				return nil
			}
		}
		return fmt.Errorf("the StatefulSet of %s was not written", namespace)
	})
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

// milliseconds is a percentile of durations, by nearest rank.
func milliseconds(took []time.Duration, percent float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return math.Round(sorted[max(rank, 1)-1].Seconds()*10000) / 10
}
