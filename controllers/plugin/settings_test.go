package plugin

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestOptionalConfigMapMayBeMissing(t *testing.T) {
	cluster := interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
			return apierrors.NewNotFound(corev1.Resource("configmaps"), key.Name)
		},
	})
	for _, optional := range []bool{false, true} {
		variable := corev1.EnvVar{Name: "TELEMETRY", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "gatewaytenant-platform"}, Key: "telemetry", Optional: &optional,
		}}}
		value, err := valueOf(t.Context(), cluster, "gatewaytenant-system", variable)
		if value != "" || (err == nil) != optional {
			t.Errorf("optional %v: %q, %v", optional, value, err)
		}
	}
}
