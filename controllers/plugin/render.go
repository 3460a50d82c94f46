package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Render writes all objects of a GatewayTenant's gateway as YAML. The parts that depend on existing objects (the volume, the id of the
// token key, the owners' uids) are read from the cluster. If cluster is nil, they are omitted.
func Render(ctx context.Context, out io.Writer, cluster client.Reader, tenant *v1alpha1.GatewayTenant, settings Settings) error {
	snapshots := map[string]observe.Snapshot{}
	if cluster != nil {
		var err error
		if snapshots, err = readSnapshots(ctx, cluster, []string{tenant.Namespace}); err != nil {
			return err
		}
		if is, err := readTenant(ctx, cluster, tenant.Namespace); err != nil {
			return err
		} else if is != nil {
			tenant.UID = is.GetUID()
		}
	}
	plan, _, err := newPreviewer(settings.Platform, time.Now()).plan(tenant, snapshots[tenant.Namespace])
	if err != nil {
		return err
	}
	if rejected := plan.Rejected; rejected != nil {
		return fmt.Errorf("GatewayTenant %s/%s: %s: %w", tenant.Namespace, tenant.Name, rejected.Reason, rejected)
	}
	var text bytes.Buffer
	for _, object := range append(plan.Objects.Foundation, plan.Objects.Certgen, plan.Objects.Gateway) {
		dropUnknown(object)
		one, err := yaml.Marshal(object.Object)
		if err != nil {
			return err
		}
		text.WriteString("---\n")
		text.Write(one)
	}
	_, err = out.Write(text.Bytes())
	return err
}

// dropUnknown removes what is not known without a cluster: owners without a uid, and an empty id of the token key.
func dropUnknown(object *unstructured.Unstructured) {
	for _, owner := range object.GetOwnerReferences() {
		if owner.UID == "" {
			unstructured.RemoveNestedField(object.Object, "metadata", "ownerReferences")
		}
	}
	path := []string{"spec", "template", "metadata", "annotations", manifests.AnnotationTokenKey}
	if id, there, _ := unstructured.NestedString(object.Object, path...); there && id == "" {
		unstructured.RemoveNestedField(object.Object, path...)
	}
}

// TenantIn returns the GatewayTenant in the input, which must be the only one.
func TenantIn(input Input) (*v1alpha1.GatewayTenant, error) {
	if len(input.Findings) > 0 {
		return nil, errors.New(input.Findings[0].String())
	}
	if len(input.Tenants) != 1 {
		return nil, fmt.Errorf("there are %d GatewayTenants in it; give one", len(input.Tenants))
	}
	return typed(input.Tenants[0].Object)
}
