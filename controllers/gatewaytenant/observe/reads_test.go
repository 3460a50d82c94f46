package observe

import (
	"context"
	"errors"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// TestEarlierConfigIsReadByName expects a request for one ConfigMap, since the operator's role does not allow others.
func TestEarlierConfigIsReadByName(t *testing.T) {
	const config, none = "[openshell.gateway.gateway_jwt]\ngateway_id = 'main'\n", "none"
	for name, c := range map[string]struct {
		items []corev1.ConfigMap
		err   error
		want  string
	}{
		"the ConfigMap exists":         {[]corev1.ConfigMap{{Data: map[string]string{manifests.ConfigKey: config}}}, nil, config},
		"the ConfigMap has no text":    {[]corev1.ConfigMap{{}}, nil, ""},
		"the ConfigMap does not exist": {nil, nil, none},
		"the read fails":               {nil, errors.New("timeout"), none},
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
			text, err := NewObserver(nil, server, nil, nil, nil, time.Now).earlierConfig(t.Context(), "a")
			if (err != nil) != (c.err != nil) || (text == nil) != (c.want == none) || text != nil && *text != c.want {
				t.Errorf("the text is %v (%v), want %q", text, err, c.want)
			}
		})
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
