package options

import (
	"cmp"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig/plan"
	"github.com/ambient-code/gatewaytenant-operator/manifests"
)

// AddFlags adds the operator's flags to flags, and sets the options to their defaults: the values from the environment or,
// without these, the built-in ones. Parsing an operator's arguments with these flags returns the options it runs with.
func (o *Options) AddFlags(flags *flag.FlagSet, env func(string) string) error {
	enabled := true
	if text := env("OPENSHELL_USE_GATEWAY"); text != "" {
		var err error
		if enabled, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("OPENSHELL_USE_GATEWAY: %q is neither true nor false", text)
		}
	}
	flags.StringVar(&o.PlatformNamespace, "platform-namespace", env("POD_NAMESPACE"), "the operator's own namespace, in which platform-config is; $POD_NAMESPACE")
	flags.StringVar(&o.PlatformConfig, "platform-config", "platform-config", "name of the ConfigMap with the tenants' entries")
	flags.BoolVar(&o.EnableBridge, "enable-bridge", enabled, "make GatewayTenants from platform-config; $OPENSHELL_USE_GATEWAY")
	flags.StringVar(&o.GatewayImage, "gateway-image", env("OPENSHELL_GATEWAY_IMAGE"), "image of gateways that name none; $OPENSHELL_GATEWAY_IMAGE, or else the built-in one")
	flags.StringVar(&o.CertgenImage, "certgen-image", env("CERTGEN_IMAGE"), "image with certgen in it, which is the operator's own; $CERTGEN_IMAGE")
	o.AllowedRepositories, o.WatchNamespaces = split(cmp.Or(env("ALLOWED_REPOSITORIES"), "ghcr.io/nvidia/")), nil
	flags.Var((*list)(&o.AllowedRepositories), "allowed-repositories", "repositories, or paths above them, from which gateway images may come, in full and separated by commas; $ALLOWED_REPOSITORIES")
	flags.Var((*list)(&o.WatchNamespaces), "watch-namespaces", "namespaces to work in, separated by commas; empty: all")
	o.Settings = manifests.Settings{
		Telemetry: env("TELEMETRY"), SandboxAppArmorProfile: env("SANDBOX_APP_ARMOR_PROFILE"),
		Preflight: env("PREFLIGHT"), ExperimentalVersions: split(env("EXPERIMENTAL_VERSIONS")),
	}
	o.Guard = plan.DefaultGuard
	flags.IntVar(&o.Guard.Most, "removal-limit", o.Guard.Most, "how many GatewayTenants an edit of platform-config may remove without a confirmation, unless they are all")
	flags.IntVar(&o.Guard.Percent, "removal-limit-percent", o.Guard.Percent, "an edit that removes more than the removal limit is held only if that is also more than this percentage of all bridged GatewayTenants")
	o.Lifetimes = certificates.DefaultLifetimes
	o.Lifetimes.AddFlags(flags)
	flags.BoolVar(&o.LeaderElect, "leader-elect", false, "let one of several replicas work and the others stand by")
	flags.IntVar(&o.Concurrency, "concurrency", 16, "how many tenants are worked on at once")
	flags.IntVar(&o.RolloutPercent, "rollout-percent", 10, "how many of all gateways, in percent and at least one, an update of the platform restarts at once")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", ":8080", "address of the metrics; 0: none")
	flags.StringVar(&o.ProbeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0: none")
	flags.DurationVar(&o.SyncPeriod, "sync-period", 0, "how often every tenant is looked at without any event; 0: every ten hours or so")
	return nil
}

// list is the value of a flag that takes several words. If the flag is given more than once, the last value applies.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

// Set splits text at commas and white space.
func (l *list) Set(text string) error {
	*l = split(text)
	return nil
}

func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}
