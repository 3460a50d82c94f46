package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/test/operatortest"
)

// errNotQuiet says that writes or replacements of pods did not end within the limit.
var errNotQuiet = errors.New("the operator did not become quiet")

// holder returns the identity of the operator that leads. It is empty if none does.
func (e *env) holder(ctx context.Context) (string, error) {
	lease := &coordinationv1.Lease{}
	err := e.admin.Get(ctx, client.ObjectKey{Namespace: platformNamespace, Name: operatorName}, lease)
	if err != nil || lease.Spec.HolderIdentity == nil {
		return "", client.IgnoreNotFound(err)
	}
	return *lease.Spec.HolderIdentity, nil
}

// awaitLeader waits until an operator leads that is not the former one.
func (e *env) awaitLeader(ctx context.Context, former string) error {
	return await(ctx, time.Minute, func() error {
		if !e.cluster.Running(program) {
			return fmt.Errorf("%w; see %s", operatortest.ErrEnded, e.cluster.Log(program))
		}
		now, err := e.holder(ctx)
		if err == nil && (now == "" || now == former) {
			err = fmt.Errorf("the new operator does not lead; see %s", e.cluster.Log(program))
		}
		return err
	})
}

// awaitQuiet waits until the operator and certgen have written nothing, and no pod was being replaced, for the quiet period.
// Events do not count because the operator sends them with a delay.
func (e *env) awaitQuiet(ctx context.Context, quietPeriod, limit time.Duration) error {
	last, next := time.Now(), time.Now().Add(progressEvery)
	err := await(ctx, limit, func() error {
		if !e.cluster.Running(program) {
			return fmt.Errorf("%w; see %s", operatortest.ErrEnded, e.cluster.Log(program))
		}
		written, err := e.lastWrite()
		if err != nil {
			return err
		}
		moving, err := e.moving(ctx)
		if err != nil {
			return err
		}
		if written.After(last) {
			last = written
		}
		if moving != "" {
			last = time.Now()
		}
		if time.Now().After(next) {
			say("  waiting: %s; last activity %.0f s ago", orNone(moving), time.Since(last).Seconds())
			next = time.Now().Add(progressEvery)
		}
		switch {
		case moving != "":
			return errors.New(moving)
		case time.Since(last) < quietPeriod:
			return fmt.Errorf("the last write was %.0f s ago", time.Since(last).Seconds())
		}
		return nil
	})
	if err != nil && ctx.Err() == nil && !errors.Is(err, operatortest.ErrEnded) {
		err = fmt.Errorf("%w: %w", errNotQuiet, err)
	}
	return err
}

// awaitExpected waits until the tenants are in the state that tenants.yaml expects. That may take longer than it takes until
// the operator is quiet: it trusts a new certificate authority for 90 s before it uses it. A tenant that is in another state
// by the limit stays so, and the report of the step names it.
func (e *env) awaitExpected(ctx context.Context, limit time.Duration) {
	next := time.Now().Add(progressEvery)
	_ = await(ctx, limit, func() error {
		now, err := takeSnapshot(ctx, e.cluster.Config())
		if err != nil {
			return err
		}
		other := unexpected(e.tenants, now)
		if len(other) == 0 {
			return nil
		}
		if time.Now().After(next) {
			say("  waiting: %s", shorten(other, mostNames))
			next = time.Now().Add(progressEvery)
		}
		return errors.New(other[0])
	})
}

const progressEvery = 15 * time.Second

func orNone(moving string) string {
	if moving == "" {
		return "no pod is being replaced"
	}
	return moving
}

// lastWrite returns when the operator or certgen last wrote anything but an Event.
func (e *env) lastWrite() (time.Time, error) {
	all, err := e.log.Requests()
	for _, r := range slices.Backward(all) {
		if isOperatorWrite(r) {
			return r.Time, err
		}
	}
	return time.Time{}, err
}

// moving returns which gateway's pod is being created or replaced. It is empty if none is.
func (e *env) moving(ctx context.Context) (string, error) {
	sets, pods := &appsv1.StatefulSetList{}, &corev1.PodList{}
	if err := errors.Join(e.admin.List(ctx, sets), e.admin.List(ctx, pods)); err != nil {
		return "", err
	}
	for _, set := range sets.Items {
		if set.Status.ObservedGeneration != set.Generation {
			return fmt.Sprintf("StatefulSet %s/%s was changed", set.Namespace, set.Name), nil
		}
		owned := slices.DeleteFunc(slices.Clone(pods.Items), func(pod corev1.Pod) bool { return !metav1.IsControlledBy(&pod, &set) })
		if set.Spec.Replicas != nil && len(owned) != int(*set.Spec.Replicas) {
			return fmt.Sprintf("StatefulSet %s/%s has %d pods of %d", set.Namespace, set.Name, len(owned), *set.Spec.Replicas), nil
		}
		for _, pod := range owned {
			if replaced(pod, set) {
				return fmt.Sprintf("pod %s/%s is being replaced", pod.Namespace, pod.Name), nil
			}
		}
	}
	return "", nil
}

// replaced reports whether a pod is being replaced. The StatefulSet controller leaves a pod of an earlier revision alone while
// that pod is not ready.
func replaced(pod corev1.Pod, set appsv1.StatefulSet) bool {
	ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
	earlier := pod.Labels[appsv1.ControllerRevisionHashLabelKey] != set.Status.UpdateRevision
	return pod.DeletionTimestamp != nil || ready && earlier
}
