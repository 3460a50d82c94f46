package observe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/diagnose"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestFilesAreReadByName expects a request for one ConfigMap, since the operator's role does not allow others.
func TestFilesAreReadByName(t *testing.T) {
	data := map[string]string{manifests.ConfigKey: "version = 1", "gateway-v2-1.toml": "version = 2"}
	with := map[string]string{"notes": "a user's"}
	maps.Copy(with, data)
	for name, c := range map[string]struct {
		items []corev1.ConfigMap
		err   error
		want  map[string]string
	}{
		"the ConfigMap exists":         {[]corev1.ConfigMap{{Data: with}}, nil, data},
		"the ConfigMap has no text":    {[]corev1.ConfigMap{{}}, nil, nil},
		"the ConfigMap does not exist": {nil, nil, nil},
		"the read fails":               {nil, errors.New("timeout"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := interceptor.NewClient(nil, interceptor.Funcs{
				List: func(ctx context.Context, _ client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
					if _, has := ctx.Deadline(); !has {
						t.Error("the read has no deadline")
					}
					var o client.ListOptions
					o.ApplyOptions(options)
					if o.Namespace != "a" || o.FieldSelector.String() != "metadata.name="+manifests.ConfigName {
						t.Errorf("the request is for %s in namespace %q", o.FieldSelector, o.Namespace)
					}
					list.(*corev1.ConfigMapList).Items = c.items
					return c.err
				},
			})
			observed := &Observed{}
			config, err := NewObserver(nil, server, nil, nil, nil, time.Now).files(t.Context(), "a")
			if err == nil {
				observed.setFiles(config, config.Data)
			}
			if files := observed.Volume.Files; (err != nil) != (c.err != nil) || !maps.Equal(files, c.want) {
				t.Errorf("the files are %v (%v), want %v", files, err, c.want)
			}
		})
	}
}

// TestRejectedFileIsRead, with its manager and the time when it was applied, which no cache keeps.
func TestRejectedFileIsRead(t *testing.T) {
	applied := metav1.NewTime(time.Unix(1, 0))
	config := corev1.ConfigMap{Data: map[string]string{manifests.ConfigKey: "a", "gateway-v2-1.toml": "b"}}
	config.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: "rival", Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:gateway.toml":{}}}`), Time: &metav1.Time{}},
		{Manager: manifests.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(`{"f:data":{"f:gateway-v2-1.toml":{}}}`), Time: &applied},
	}
	server := interceptor.NewClient(nil, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			list.(*corev1.ConfigMapList).Items = []corev1.ConfigMap{config}
			return nil
		},
	})
	for reason, want := range map[string]*Observed{
		v1alpha1.ReasonPreflightFailed:  {FilesApplied: applied, Volume: manifests.Volume{OwnFiles: []string{"gateway-v2-1.toml"}}},
		v1alpha1.ReasonPreflightBlocked: {},
	} {
		observed := &Observed{PreflightProblem: diagnose.Problem{Reason: reason}}
		NewObserver(nil, server, nil, nil, nil, time.Now).AddFiles(t.Context(), manifests.Tenant{}, observed)
		if observed.FilesApplied != want.FilesApplied || !slices.Equal(observed.Volume.OwnFiles, want.Volume.OwnFiles) {
			t.Errorf("%s: applied %s, own files %q", reason, observed.FilesApplied, observed.Volume.OwnFiles)
		}
	}
}

// TestPodThatCannotBeReadIsAnError expects no statement about the gateway then.
func TestPodThatCannotBeReadIsAnError(t *testing.T) {
	o := NewObserver(nil, nil, &Caches{Pods: failingCache{}}, &Evictions{}, &backlog{}, time.Now)
	if err := o.observeProblems(t.Context(), &v1alpha1.GatewayTenant{}, &Observed{StatefulSet: &appsv1.StatefulSet{}}); err == nil {
		t.Error("no error is returned")
	}
}

type failingCache struct{ cache.Cache }

func (failingCache) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("not synced")
}
