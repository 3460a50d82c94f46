package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	operatoroptions "github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// trial is one run of a plan.
type trial struct {
	*env
	plan
	namespace  string
	platform   string        // the operator's own namespace
	reads      client.Reader // what there is
	proxy      *proxy
	options    operatoroptions.Options
	saved      []*unstructured.Unstructured // a backup of the tenant
	tokens     string                       // the token keys that there were when the workload's change began
	mu         sync.Mutex                   // guards what follows
	touched    map[id]bool                  // what other clients deleted or changed during the plan
	over       bool
	restarting int         // restarts of the gateway's container that have not ended
	restarts   int         // how often a fault has ended that container
	operators  []*operator // in the order of their starts
	failed     error       // what kept the plan from being carried out
}

// outcome is what came of a trial.
type outcome struct {
	plan
	reached  bool     // the plan's point was
	idle     bool     // there was nothing for it to do there
	wrong    []string // what should have been otherwise; none: it converged as the undisturbed run did
	state    state
	points   []string
	versions map[id]int // how many objects of each name there were
}

// run carries a plan out. An error is the harness's own.
func (e *env) run(ctx context.Context, p plan, undisturbed *outcome) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*e.patience)
	defer cancel()
	t, err := e.newTrial(ctx, p)
	if err != nil {
		return outcome{}, err
	}
	defer t.end()
	if err := t.start(); err != nil {
		return outcome{}, err
	}
	if err := p.workload.prepare(ctx, t); err != nil {
		return outcome{}, fmt.Errorf("%s: preparing: %w", p.name(), err)
	}
	if err := t.arm(ctx); err != nil {
		return outcome{}, err
	}
	if err := p.workload.change(ctx, t); err != nil {
		return outcome{}, fmt.Errorf("%s: changing: %w", p.name(), err)
	}
	out := outcome{plan: p}
	if err := t.settle(ctx, t.workload.done); err != nil {
		out.wrong = append(out.wrong, err.Error())
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return outcome{}, ctx.Err()
	}
	if err := t.harness(); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", p.name(), err)
	}
	if out.state, err = t.stateOf(ctx, t.admin); err != nil {
		return outcome{}, err
	}
	out.reached, out.points, out.versions = p.at == "" || t.proxy.happened(), t.proxy.came(), versions(t.recorder.changes(t.namespace))
	out.idle = p.kind.children && !t.meddledAtAll() || p.kind.restarts && !t.hasRestarted()
	if undisturbed == nil {
		undisturbed = &out // the first one is judged, too
	}
	if len(out.wrong) == 0 {
		out.wrong = append(t.judge(ctx, *undisturbed), out.state.untrue()...)
		out.wrong = append(out.wrong, difference(t.withoutFormer(t.expected(undisturbed.state, out.state)), t.withoutFormer(out.state))...)
	}
	return out, nil
}

// newTrial makes the plan's namespaces.
func (e *env) newTrial(ctx context.Context, p plan) (*trial, error) {
	namespace := fmt.Sprintf("f-%06d", e.number.Add(1))
	t := &trial{env: e, plan: p, namespace: namespace, platform: platformNamespace, touched: map[id]bool{}, reads: e.admin}
	if p.workload.bridge || p.kind.platform {
		t.platform = namespace + "-platform"
	}
	t.proxy = &proxy{namespace: namespace, seed: p.seed, admin: e.admin, lastWrite: time.Now(), allowed: func(to target) bool {
		return to.namespace == t.namespace ||
			to.resource == "clusterrolebindings" && strings.HasSuffix(to.name, ":"+t.namespace) ||
			t.platform != platformNamespace && to.namespace == t.platform && to.resource == "configmaps"
	}}
	t.options = operatortest.Options()
	t.options.PlatformNamespace, t.options.WatchNamespaces = t.platform, []string{namespace}
	t.options.EnableBridge, t.options.LeaderElect, t.options.Concurrency = p.workload.bridge, p.kind.platform, 4
	t.options.Lifetimes.TrustDelay = 200 * time.Millisecond // less than calmOf, so that the status is final then
	if p.workload.options != nil {
		p.workload.options(&t.options)
	}
	if err := e.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return nil, err
	}
	if t.platform == platformNamespace {
		return t, nil
	}
	return t, errors.Join(
		e.admin.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.platform}}),
		e.admin.Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: operatorName, Namespace: t.platform}, Rules: e.rights.Rules}),
		e.admin.Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: operatorName, Namespace: t.platform},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: operatorName},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: operatorName, Namespace: platformNamespace}},
		}),
	)
}

// start starts another operator.
func (t *trial) start() error {
	o, err := startOperator(t.operator, t.proxy, t.options, t.bug, t.startAgain)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed = errors.Join(t.failed, err)
		return err
	}
	t.operators = append(t.operators, o)
	return nil
}

// startAgain starts an operator in place of one that has ended by itself, as a kubelet does: until it can be started.
func (t *trial) startAgain() {
	var err error
	for range 60 {
		var o *operator
		if o, err = startOperator(t.operator, t.proxy, t.options, t.bug, t.startAgain); err == nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.operators = append(t.operators, o); t.over {
				o.crash()
			}
			return
		}
		time.Sleep(time.Second)
	}
	t.fails(err)
}

// harness is what kept the plan from being carried out.
func (t *trial) harness() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// fails notes what keeps the plan from being carried out.
func (t *trial) fails(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = errors.Join(t.failed, err)
}

// current is the operator that was started last.
func (t *trial) current() *operator {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.operators[len(t.operators)-1]
}

// end ends the trial's operators and removes what it made.
func (t *trial) end() {
	t.mu.Lock()
	t.over = true
	for _, o := range t.operators {
		o.crash()
	}
	t.mu.Unlock()
	for _, name := range []string{t.namespace, t.platform} {
		if name != platformNamespace {
			_ = t.admin.Delete(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}) // the cluster goes anyway
		}
	}
	t.recorder.forget(t.namespace)
}

// arm waits until nothing is written any more, and makes the plan's fault ready.
func (t *trial) arm(ctx context.Context) error {
	const calm = 500 * time.Millisecond
	if err := poll(ctx, func() error {
		if quiet := t.proxy.quietFor(); quiet < calm {
			return fmt.Errorf("a write %s ago", quiet)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("%s: before the change: %w", t.name(), err)
	}
	var err error
	if t.tokens, err = t.tokenKeys(ctx); err != nil {
		return err
	}
	further := 0
	if t.kind.repeats {
		further = t.upTo(3)
	}
	t.proxy.arm(t.at, further, t.action())
	return nil
}

// settle waits until the workload is done and nothing was written for as long as the operator must be silent.
func (t *trial) settle(ctx context.Context, done func(*trial) error) error {
	patience := t.patience
	if t.bug != nil { // many never come to rest
		patience /= 2
	}
	ctx, cancel := context.WithTimeout(ctx, patience+t.silence)
	defer cancel()
	var doneAt time.Time
	return poll(ctx, func() error {
		if err := cmp.Or(done(t), t.certificatesRest(), t.current().present(), t.restarted()); err != nil {
			doneAt = time.Time{}
			return err
		}
		if doneAt.IsZero() {
			doneAt = time.Now()
		}
		if quiet := min(t.proxy.quietFor(), time.Since(doneAt)); quiet < t.silence {
			return fmt.Errorf("it is done, and written again %s ago", quiet.Round(time.Second))
		}
		return nil
	})
}

// poll calls check until it returns nil or ctx ends.
func poll(ctx context.Context, check func() error) error {
	return operatortest.Poll(ctx, 50*time.Millisecond, 0, check)
}
