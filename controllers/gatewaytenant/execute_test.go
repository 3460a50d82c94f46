package gatewaytenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/controllers/apply"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// recorder records writes as lines of text, and answers those for which an error is set with it.
type recorder struct {
	mu     sync.Mutex
	writes []string
	fails  map[string]error // by the first words of the line
}

func (r *recorder) record(line string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, line)
	for begin, err := range r.fails {
		if strings.HasPrefix(line+" ", begin+" ") {
			return err
		}
	}
	return nil
}

// reconciler returns a Reconciler that writes to the recorder.
func (r *recorder) reconciler() *Reconciler {
	c := interceptor.NewClient(nil, interceptor.Funcs{
		Apply: func(_ context.Context, _ client.WithWatch, object runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
			return r.record("apply " + object.(interface{ GetKind() string }).GetKind())
		},
		Delete: func(_ context.Context, _ client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			o := (&client.DeleteOptions{}).ApplyOptions(options)
			line := "delete " + object.GetObjectKind().GroupVersionKind().Kind
			if o.PropagationPolicy != nil {
				line += " " + string(*o.PropagationPolicy)
			}
			if p := o.Preconditions; p != nil && p.UID != nil {
				line += " uid=" + string(*p.UID)
			}
			if p := o.Preconditions; p != nil && p.ResourceVersion != nil {
				line += " resourceVersion=" + *p.ResourceVersion
			}
			return r.record(line)
		},
		Patch: func(_ context.Context, _ client.WithWatch, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
			data, err := patch.Data(object)
			return errors.Join(err, r.record(fmt.Sprintf("patch %s %s", object.GetName(), data)))
		},
	})
	comparer := apply.NewComparer(clientgoscheme.Scheme, manifests.Manager)
	return &Reconciler{Client: c, comparer: comparer, applier: apply.New(c, comparer)}
}

// stepOf returns a step for an object of a kind, with the kind as name.
func stepOf(action plan.Action, kind string, stage plan.Stage, requires ...observe.Ref) plan.Step {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(observe.Ref{Kind: kind}.GroupVersionKind())
	object.SetName(kind)
	step := plan.Step{Action: action, Object: observe.RefOf(object), Stage: stage, Requires: requires, Difference: apply.Difference{Needed: true}}
	if action != plan.Delete {
		step.Desired = object
	}
	if action != plan.Create {
		step.Live = &metav1.ObjectMeta{Name: kind, UID: "1", ResourceVersion: "2"}
	}
	return step
}

func TestExecute(t *testing.T) {
	of := func(kinds ...string) (all []observe.Ref) {
		for _, kind := range kinds {
			all = append(all, observe.Ref{Kind: kind, Name: kind})
		}
		return all
	}
	waiting, blocked := stepOf(plan.Create, "StatefulSet", plan.WorkloadStage), stepOf(plan.Update, "Service", plan.FoundationStage)
	waiting.Waits = "its Secrets"
	blocked.Blocked = &plan.ConflictError{Object: "Service a/b", Why: "is not the operator's"}
	both := waiting
	both.Blocked = blocked.Blocked
	// The steps of a stage that precedes another come last, since the order of the steps must not matter.
	stages := []plan.Step{
		stepOf(plan.Create, "StatefulSet", plan.WorkloadStage, of("ConfigMap", "RoleBinding", "Service")...), stepOf(plan.Delete, "Role", plan.CleanupStage, of("RoleBinding")...),
		stepOf(plan.Create, "Job", plan.CertgenStage, of("RoleBinding")...), stepOf(plan.Create, "ConfigMap", plan.FoundationStage, of("PersistentVolumeClaim")...),
		stepOf(plan.Update, "PersistentVolumeClaim", plan.ClaimStage),
	}
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "rolebindings"}, "a", errors.New("Precondition failed: ResourceVersion in precondition: 2, ResourceVersion in object meta: 3"))
	denied := apierrors.NewConflict(schema.GroupResource{Resource: "roles"}, "a", errors.New(`admission webhook "x" denied the request`))
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "rolebindings"}, "a")
	refused := errors.New("refused")
	for _, test := range []struct {
		name  string
		steps []plan.Step
		fails map[string]error
		want  []string
		err   string // It is empty if no error is expected.
	}{
		{"the stages follow each other", stages, nil, []string{
			"apply PersistentVolumeClaim", "apply ConfigMap", "apply Job", "delete Role uid=1 resourceVersion=2", "apply StatefulSet",
		}, ""},
		{"an object is refused, and one requires it through another", stages, map[string]error{"apply PersistentVolumeClaim": refused}, []string{
			"apply PersistentVolumeClaim", "apply Job", "delete Role uid=1 resourceVersion=2",
		}, "refused"},
		{"an object is refused, and one requires it", stages, map[string]error{"apply ConfigMap": refused}, []string{
			"apply PersistentVolumeClaim", "apply ConfigMap", "apply Job", "delete Role uid=1 resourceVersion=2",
		}, "refused"},
		{"certgen's Job is refused", stages, map[string]error{"apply Job": refused}, []string{
			"apply PersistentVolumeClaim", "apply ConfigMap", "apply Job", "delete Role uid=1 resourceVersion=2", "apply StatefulSet",
		}, "refused"},
		{"a step is blocked", append([]plan.Step{blocked}, stages...), nil, []string{
			"apply PersistentVolumeClaim", "apply ConfigMap", "apply Job", "delete Role uid=1 resourceVersion=2",
		}, blocked.Blocked.Error()},
		{"a step waits", []plan.Step{waiting, stages[4]}, nil, []string{"apply PersistentVolumeClaim"}, ""},
		{"a step waits and is blocked", []plan.Step{both}, nil, nil, ""},
		{"an object is recreated", []plan.Step{stepOf(plan.Recreate, "RoleBinding", plan.FoundationStage)}, nil, []string{"delete RoleBinding uid=1 resourceVersion=2", "apply RoleBinding"}, ""},
		{"an object to be recreated does not exist any more", []plan.Step{stepOf(plan.Recreate, "RoleBinding", plan.FoundationStage)}, map[string]error{"delete": notFound}, []string{"delete RoleBinding uid=1 resourceVersion=2", "apply RoleBinding"}, ""},
		{"an object to be recreated has changed, and others require it", []plan.Step{
			stepOf(plan.Recreate, "RoleBinding", plan.FoundationStage), stepOf(plan.Create, "Job", plan.CertgenStage, of("RoleBinding")...), stepOf(plan.Create, "StatefulSet", plan.WorkloadStage, of("RoleBinding")...),
		}, map[string]error{"delete": conflict}, []string{"delete RoleBinding uid=1 resourceVersion=2"}, ""},
		{"a webhook rejects a deletion", []plan.Step{stepOf(plan.Delete, "Role", plan.CleanupStage)}, map[string]error{"delete": denied}, []string{"delete Role uid=1 resourceVersion=2"}, "denied the request"},
		{"an object to be recreated cannot be deleted", []plan.Step{stepOf(plan.Recreate, "RoleBinding", plan.FoundationStage)}, map[string]error{"delete": refused}, []string{"delete RoleBinding uid=1 resourceVersion=2"}, "deleting RoleBinding a/RoleBinding: refused"},
		{"an object to be deleted has changed", []plan.Step{stepOf(plan.Delete, "Role", plan.CleanupStage)}, map[string]error{"delete": conflict}, []string{"delete Role uid=1 resourceVersion=2"}, ""},
		{"the pods of a Job are deleted before it", []plan.Step{stepOf(plan.Delete, "Job", plan.CertgenStage)}, nil, []string{"delete Job Foreground uid=1 resourceVersion=2"}, ""},
		{"the status of a pod may change", []plan.Step{stepOf(plan.Delete, "Pod", plan.WorkloadStage)}, nil, []string{"delete Pod uid=1"}, ""},
		{"the tenant leaves the shared binding", []plan.Step{{Action: plan.RemoveSubject, Object: observe.SharedBinding, Index: 3, Stage: plan.CleanupStage}}, nil, []string{
			`patch openshell-gateway-node-reader [{"op":"test","path":"/subjects/3","value":{"kind":"ServiceAccount","name":"openshell-gateway","namespace":"a"}},{"op":"remove","path":"/subjects/3"}]`,
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorder := &recorder{fails: test.fails}
			is := recorder.reconciler().execute(t.Context(), "a", test.steps)
			retry, err := is.retry, is.err
			if diff := cmp.Diff(test.want, recorder.writes); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want %q", err, test.err)
			}
			if outdated := errors.Is(test.fails["delete"], conflict); outdated != (retry > 0) {
				t.Errorf("the next reconcile is after %s", retry)
			}
		})
	}
}

// TestExecuteReturnsAllErrorsInTheOrderOfTheSteps, so that messages do not depend on which request is answered first.
func TestExecuteReturnsAllErrorsInTheOrderOfTheSteps(t *testing.T) {
	kinds := []string{"Service", "ConfigMap", "NetworkPolicy", "ServiceAccount"}
	recorder := &recorder{fails: map[string]error{}}
	var steps []plan.Step
	for _, kind := range kinds {
		steps = append(steps, stepOf(plan.Create, kind, plan.FoundationStage))
		recorder.fails["apply "+kind] = errors.New("refused " + kind)
	}
	err := recorder.reconciler().execute(t.Context(), "a", steps).err
	if err == nil {
		t.Fatal("no error is returned")
	}
	var got []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		got = append(got, line[strings.LastIndex(line, " ")+1:])
	}
	if !slices.Equal(got, kinds) {
		t.Errorf("the errors are about %q, want %q", got, kinds)
	}
}
