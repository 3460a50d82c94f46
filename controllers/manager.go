// Package controllers puts the operator together: a manager with the caches that the controllers need and no others,
// the bridge from platform-config to GatewayTenants, and the controller from GatewayTenants to gateways.
package controllers

import (
	"fmt"
	"maps"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// Options of the operator.
type Options struct {
	// PlatformNamespace is the operator's own namespace: of the ConfigMap and of the leader's Lease.
	PlatformNamespace string
	// PlatformConfig is the name of the ConfigMap with the entries.
	PlatformConfig string
	// EnableBridge runs the bridge; without it GatewayTenants are only made by hand.
	EnableBridge bool
	// Guard holds removals of many GatewayTenants at once.
	Guard platformconfig.Guard
	// WatchNamespaces are the namespaces to work in; none: all.
	WatchNamespaces []string

	// GatewayImage is the image of gateways that name none; empty: the built-in one.
	GatewayImage string
	// CertgenImage is the image with certgen in it: the operator's own.
	CertgenImage string
	// AllowedRepositories are those from which gateway images may come.
	AllowedRepositories []string
	// Telemetry and SandboxAppArmorProfile apply to tenants that do not set them. If one is empty, the gateway's own default applies.
	Telemetry, SandboxAppArmorProfile string
	// Lifetimes are those of the tenants' certificates.
	Lifetimes certificates.Lifetimes

	// LeaderElect lets one of several replicas work, and the others stand by.
	LeaderElect bool
	// Concurrency is how many tenants are worked on at once, at least 1.
	Concurrency int
	// RolloutPercent is how many of all gateways, from 1 to 100 percent and at least one, are restarted at once by an
	// update of the platform: of the operator, or of its default image.
	RolloutPercent int
	// MetricsAddress and ProbeAddress are listened on; "0": not at all.
	MetricsAddress, ProbeAddress string
	// SyncPeriod is how often every tenant is looked at without any event; 0: every ten hours or so.
	SyncPeriod time.Duration
}

// Platform returns what the options set for all tenants.
func (o Options) Platform() (manifests.Platform, error) {
	platform, err := manifests.NewPlatform(o.GatewayImage, o.CertgenImage, o.AllowedRepositories, o.Lifetimes.Args()...)
	if err != nil {
		return platform, err
	}
	return platform.WithSandboxSettings(o.Telemetry, o.SandboxAppArmorProfile)
}

// What leader election may do.
//
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=gatewaytenant-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=gatewaytenant-system,resources=leases,resourceNames=gatewaytenant-operator,verbs=get;update
// +kubebuilder:rbac:groups="",namespace=gatewaytenant-system,resources=events,verbs=create

// A leader that was killed is followed within leaseDuration and two retries, each of which client-go makes up to 2.2
// times as long: a standby may see the last renewal late, and then look again late.
const (
	leaseDuration = 8 * time.Second
	renewDeadline = 5 * time.Second
	retryPeriod   = 1500 * time.Millisecond
)

// NewManager makes a manager that runs the whole operator against the API server of kube.
func NewManager(kube *rest.Config, options Options) (ctrl.Manager, error) {
	if err := options.Lifetimes.Validate(); err != nil {
		return nil, err
	}
	platform, err := options.Platform()
	if err != nil {
		return nil, err
	}
	if options.PlatformNamespace == "" {
		return nil, fmt.Errorf("the platform namespace is not set; it is the operator's own namespace")
	}
	if options.Concurrency < 1 {
		return nil, fmt.Errorf("--concurrency=%d: it must be at least 1", options.Concurrency)
	}
	if options.RolloutPercent < 1 || options.RolloutPercent > 100 {
		return nil, fmt.Errorf("--rollout-percent=%d: it must be from 1 to 100", options.RolloutPercent)
	}
	kube = bounded.Config(kube)
	if options.LeaderElect {
		kube = fenced(kube)
	}
	mgr, err := ctrl.NewManager(kube, managerOptions(options))
	if err != nil {
		return nil, err
	}
	if platform, err = PlatformOf(platform, mgr.GetRESTMapper()); err != nil {
		return nil, err
	}
	if err := addControllers(mgr, options, platform); err != nil {
		return nil, err
	}
	for name, add := range map[string]func(string, healthz.Checker) error{"healthz": mgr.AddHealthzCheck, "readyz": mgr.AddReadyzCheck} {
		if err := add(name, healthz.Ping); err != nil {
			return nil, err
		}
	}
	return mgr, nil
}

// PlatformOf is the platform on the cluster whose APIs mapper knows.
func PlatformOf(platform manifests.Platform, mapper meta.RESTMapper) (manifests.Platform, error) {
	assigns, err := assignsIDs(mapper)
	if err != nil {
		return platform, fmt.Errorf("looking for what is OpenShift's: %w", err)
	}
	if assigns {
		return platform.AssigningIDs(), nil
	}
	return platform, nil
}

// assignsIDs tells whether the cluster assigns uids and groups to pods, by the API with which it does.
func assignsIDs(mapper meta.RESTMapper) (bool, error) {
	_, err := mapper.KindFor(schema.GroupVersionResource{Group: "security.openshift.io", Resource: "securitycontextconstraints"})
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	return err == nil, err
}

func addControllers(mgr ctrl.Manager, options Options, platform manifests.Platform) error {
	namespaces := namedcache.Only(options.WatchNamespaces)
	if err := gatewaytenant.SetupWithManager(mgr, gatewaytenant.Options{
		Platform: platform, Concurrency: options.Concurrency, RolloutPercent: options.RolloutPercent, TrustDelay: options.Lifetimes.TrustDelay,
		Namespaces: namespaces,
	}); err != nil {
		return fmt.Errorf("gatewaytenant controller: %w", err)
	}
	if !options.EnableBridge {
		mgr.GetLogger().Info("The bridge is switched off: GatewayTenants are only made by hand")
		return nil
	}
	bridge := bridgeOptions(options)
	bridge.Platform = platform
	if err := platformconfig.SetupWithManager(mgr, bridge); err != nil {
		return fmt.Errorf("platformconfig controller: %w", err)
	}
	return nil
}

func bridgeOptions(options Options) platformconfig.Options {
	return platformconfig.Options{
		Config: client.ObjectKey{Namespace: options.PlatformNamespace, Name: options.PlatformConfig},
		Guard:  options.Guard, Concurrency: options.Concurrency, Namespaces: namedcache.Only(options.WatchNamespaces),
	}
}

func managerOptions(options Options) ctrl.Options {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // two types for one kind: a mistake in the program
		}
	}
	lease, renew, retry := leaseDuration, renewDeadline, retryPeriod
	cacheOptions := cache.Options{
		ByObject:                    gatewaytenant.CacheOptions(),
		DefaultNamespaces:           namedcache.Only(options.WatchNamespaces),
		ReaderFailOnMissingInformer: true, // a read that would start a watch of its own is a mistake
		NewInformer:                 bounded.NewInformer,
	}
	if options.EnableBridge {
		maps.Copy(cacheOptions.ByObject, platformconfig.CacheOptions(bridgeOptions(options)))
	}
	if options.SyncPeriod > 0 {
		cacheOptions.SyncPeriod = &options.SyncPeriod
	}
	skipNameValidation := true // names of metrics: a process may run more than one manager, as tests do
	warm := true               // a standby has its caches filled when it takes over
	return ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions,
		Metrics:                       metricsserver.Options{BindAddress: options.MetricsAddress},
		HealthProbeBindAddress:        options.ProbeAddress,
		LeaderElection:                options.LeaderElect,
		LeaderElectionID:              manifests.Manager,
		LeaderElectionNamespace:       options.PlatformNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		Controller:                    config.Controller{SkipNameValidation: &skipNameValidation, EnableWarmup: &warm},
	}
}
