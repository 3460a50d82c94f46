// Package operator builds the manager that runs the operator: the caches that the controllers need and no others, the
// bridge, which turns platform-config into GatewayTenants, and the controller, which turns GatewayTenants into gateways.
package operator

import (
	"fmt"
	"maps"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/bounded"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/observe"
	"github.com/ambient-code/gatewaytenant-operator/controllers/leader"
	"github.com/ambient-code/gatewaytenant-operator/controllers/namedcache"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// NewManager returns a manager that runs the whole operator against the API server of kube.
func NewManager(kube *rest.Config, opts options.Options) (ctrl.Manager, error) {
	if err := opts.Lifetimes.Validate(); err != nil {
		return nil, err
	}
	platform, err := opts.Platform()
	if err != nil {
		return nil, err
	}
	if opts.PlatformNamespace == "" {
		return nil, fmt.Errorf("the platform namespace is not set; it is the operator's own namespace")
	}
	if opts.Concurrency < 1 {
		return nil, fmt.Errorf("--concurrency=%d: it must be at least 1", opts.Concurrency)
	}
	if opts.RolloutPercent < 1 || opts.RolloutPercent > 100 {
		return nil, fmt.Errorf("--rollout-percent=%d: it must be from 1 to 100", opts.RolloutPercent)
	}
	kube = bounded.Config(kube)
	if opts.LeaderElect {
		kube = leader.Fence(kube)
	}
	mgr, err := ctrl.NewManager(kube, managerOptions(opts))
	if err != nil {
		return nil, err
	}
	if platform, err = options.PlatformOf(platform, mgr.GetRESTMapper()); err != nil {
		return nil, err
	}
	if err := addControllers(mgr, opts, platform); err != nil {
		return nil, err
	}
	if opts.LeaderElect {
		if err := mgr.Add(&leader.RollbackCheck{Reader: mgr.GetAPIReader(), Namespace: opts.PlatformNamespace, Name: manifests.Manager}); err != nil {
			return nil, err
		}
	}
	for name, add := range map[string]func(string, healthz.Checker) error{"healthz": mgr.AddHealthzCheck, "readyz": mgr.AddReadyzCheck} {
		if err := add(name, healthz.Ping); err != nil {
			return nil, err
		}
	}
	return mgr, nil
}

func addControllers(mgr ctrl.Manager, opts options.Options, platform manifests.Platform) error {
	namespaces := namedcache.Only(opts.WatchNamespaces)
	if err := gatewaytenant.SetupWithManager(mgr, gatewaytenant.Options{
		Platform: platform, Concurrency: opts.Concurrency, RolloutPercent: opts.RolloutPercent, MaxRestarts: opts.MaxRestarts, TrustDelay: opts.Lifetimes.TrustDelay,
		Namespaces: namespaces,
	}); err != nil {
		return fmt.Errorf("gatewaytenant controller: %w", err)
	}
	if !opts.EnableBridge {
		mgr.GetLogger().Info("The bridge is switched off: GatewayTenants are only made by hand")
		return nil
	}
	if err := platformconfig.SetupWithManager(mgr, platformconfig.Options{
		ConfigMaps: opts.ConfigMaps(), Platform: platform, Guard: opts.Guard, Concurrency: opts.Concurrency, Namespaces: namespaces,
	}); err != nil {
		return fmt.Errorf("platformconfig controller: %w", err)
	}
	return nil
}

func managerOptions(opts options.Options) ctrl.Options {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err) // two types for one kind: a mistake in the program
		}
	}
	lease, renew, retry := leader.LeaseDuration, leader.RenewDeadline, leader.RetryPeriod
	cacheOptions := cache.Options{
		ByObject:                    observe.ManagerCacheOptions(),
		DefaultNamespaces:           namedcache.Only(opts.WatchNamespaces),
		ReaderFailOnMissingInformer: true, // a read that would start a watch of its own is a mistake
		NewInformer:                 bounded.NewInformer,
	}
	if opts.EnableBridge {
		maps.Copy(cacheOptions.ByObject, platformconfig.CacheOptions(opts.ConfigMaps()))
	}
	if opts.SyncPeriod > 0 {
		cacheOptions.SyncPeriod = &opts.SyncPeriod
	}
	skipNameValidation := true // names of metrics: a process may run more than one manager, as tests do
	warm := true               // a standby has its caches filled when it takes over
	return ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions,
		Metrics:                       metricsserver.Options{BindAddress: opts.MetricsAddress},
		HealthProbeBindAddress:        opts.ProbeAddress,
		LeaderElection:                opts.LeaderElect,
		LeaderElectionID:              manifests.Manager,
		LeaderElectionNamespace:       opts.PlatformNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
		Controller:                    config.Controller{SkipNameValidation: &skipNameValidation, EnableWarmup: &warm},
	}
}
