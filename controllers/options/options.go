// Package options holds the operator's options and the flags that set them. The operator and the kubectl plugin read the
// options in the same way, so that the plugin knows what the operator does with them.
package options

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/entries"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Options are the options of the operator.
type Options struct {
	// PlatformNamespace is the operator's own namespace, which also contains the ConfigMap and the leader's Lease.
	PlatformNamespace string
	// PlatformConfig is the name of the ConfigMap with the entries.
	PlatformConfig string
	// EnableBridge runs the bridge. Without it, GatewayTenants are only created by users.
	EnableBridge bool
	// Guard holds mass removals of GatewayTenants.
	Guard plan.Guard
	// WatchNamespaces are the namespaces in which the operator works. If it is empty, the operator works in all namespaces.
	WatchNamespaces []string

	// GatewayImage is the image of gateways whose spec sets none. If it is empty, the built-in default applies.
	GatewayImage string
	// CertgenImage is the image that contains certgen: the operator's own.
	CertgenImage string
	// AllowedRepositories are the repositories that gateway images may come from.
	AllowedRepositories []string
	// Settings are those of the ConfigMap gatewaytenant-platform that apply to the gateways of all tenants.
	Settings manifests.Settings
	// Lifetimes are the lifetimes of the tenants' certificates.
	Lifetimes certificates.Lifetimes

	// LeaderElect lets one of several replicas work while the others stand by.
	LeaderElect bool
	// Concurrency is the number of tenants that are reconciled concurrently, at least 1.
	Concurrency int
	// RolloutPercent is the percentage of all gateways, from 1 to 100, that an update of the platform (of the operator or
	// of its default image) restarts concurrently. It always allows one gateway.
	RolloutPercent int
	// MaxRestarts is how many times within ten minutes a gateway is restarted to undo changes of other clients. If it is 0, the
	// default applies. It has no flag: tests set it that change one field after another.
	MaxRestarts int
	// MetricsAddress and ProbeAddress are the addresses to listen on. "0" disables them.
	MetricsAddress, ProbeAddress string
	// SyncPeriod is the interval at which every tenant is reconciled without an event. If it is 0, controller-runtime's
	// default applies, which is about ten hours.
	SyncPeriod time.Duration
}

// ConfigMaps returns the ConfigMaps that the bridge reads and writes.
func (o Options) ConfigMaps() entries.ConfigMaps {
	return entries.ConfigMaps{First: types.NamespacedName{Namespace: o.PlatformNamespace, Name: o.PlatformConfig}}
}

// Platform returns what the options set for all tenants.
func (o Options) Platform() (manifests.Platform, error) {
	platform, err := manifests.NewPlatform(o.GatewayImage, o.CertgenImage, o.AllowedRepositories, o.Lifetimes.Args()...)
	if err != nil {
		return platform, err
	}
	return platform.In(o.PlatformNamespace).WithSettings(o.Settings)
}

// PlatformOf returns platform as it is on the cluster whose APIs mapper knows. OpenShift assigns users and groups to pods.
func PlatformOf(platform manifests.Platform, mapper meta.RESTMapper) (manifests.Platform, error) {
	_, err := mapper.KindFor(schema.GroupVersionResource{Group: "security.openshift.io", Resource: "securitycontextconstraints"})
	switch {
	case meta.IsNoMatchError(err):
		return platform, nil
	case err != nil:
		return platform, fmt.Errorf("looking for OpenShift's API: %w", err)
	}
	return platform.AssigningIDs(), nil
}
