// Command manager is the operator.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ambient-code/gatewaytenant-operator/controllers"
	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
	"github.com/ambient-code/gatewaytenant-operator/controllers/platformconfig"
)

func main() {
	options, kubeconfig, err := parse(os.Args[1:], os.Getenv)
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), options, kubeconfig)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// parse reads flags, and the environment for what no flag says.
func parse(args []string, env func(string) string) (o controllers.Options, kubeconfig string, err error) {
	flags := flag.NewFlagSet("manager", flag.ExitOnError)
	enabled := true
	if text := env("OPENSHELL_USE_GATEWAY"); text != "" {
		if enabled, err = strconv.ParseBool(text); err != nil {
			return o, "", fmt.Errorf("OPENSHELL_USE_GATEWAY: %q is neither true nor false", text)
		}
	}
	flags.StringVar(&o.PlatformNamespace, "platform-namespace", env("POD_NAMESPACE"), "the operator's own namespace, in which platform-config is; $POD_NAMESPACE")
	flags.StringVar(&o.PlatformConfig, "platform-config", "platform-config", "name of the ConfigMap with the tenants' entries")
	flags.BoolVar(&o.EnableBridge, "enable-bridge", enabled, "make GatewayTenants from platform-config; $OPENSHELL_USE_GATEWAY")
	flags.StringVar(&o.GatewayImage, "gateway-image", env("OPENSHELL_GATEWAY_IMAGE"), "image of gateways that name none; $OPENSHELL_GATEWAY_IMAGE, or else the built-in one")
	flags.StringVar(&o.CertgenImage, "certgen-image", env("CERTGEN_IMAGE"), "image with certgen in it, which is the operator's own; $CERTGEN_IMAGE")
	repositories := flags.String("allowed-repositories", cmp.Or(env("ALLOWED_REPOSITORIES"), "ghcr.io/nvidia/"), "repositories, or paths above them, from which gateway images may come, in full and separated by commas; $ALLOWED_REPOSITORIES")
	namespaces := flags.String("watch-namespaces", "", "namespaces to work in, separated by commas; empty: all")
	o.Guard = platformconfig.DefaultGuard
	flags.IntVar(&o.Guard.Most, "removal-limit", o.Guard.Most, "how many GatewayTenants an edit of platform-config may remove without a confirmation, unless they are all")
	flags.IntVar(&o.Guard.Percent, "removal-limit-percent", o.Guard.Percent, "up to which part of all, from 0 to 100, it may remove more than that")
	o.Lifetimes = certificates.DefaultLifetimes
	o.Lifetimes.AddFlags(flags)
	flags.BoolVar(&o.LeaderElect, "leader-elect", false, "let one of several replicas work and the others stand by")
	flags.IntVar(&o.Concurrency, "concurrency", 16, "how many tenants are worked on at once")
	flags.IntVar(&o.RolloutPercent, "rollout-percent", 10, "how many of all gateways, in percent and at least one, an update of the platform restarts at once")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", ":8080", "address of the metrics; 0: none")
	flags.StringVar(&o.ProbeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0: none")
	flags.DurationVar(&o.SyncPeriod, "sync-period", 0, "how often every tenant is looked at without any event; 0: every ten hours or so")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig to use instead of the pod's own ServiceAccount")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if flags.NArg() > 0 {
		return o, "", fmt.Errorf("%q: there are flags only; see --help", flags.Args())
	}
	o.AllowedRepositories = list(*repositories)
	o.WatchNamespaces = list(*namespaces)
	return o, kubeconfig, nil
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

func run(ctx context.Context, options controllers.Options, kubeconfig string) error {
	logger := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	config, err := restConfig(kubeconfig)
	if err != nil {
		return fmt.Errorf("no way to the API server: %w", err)
	}
	mgr, err := controllers.NewManager(config, options)
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// restConfig is the pod's own, or that of an explicit kubeconfig; nothing is looked for elsewhere. The API server's
// own priority and fairness limits the requests, so the client does not.
func restConfig(kubeconfig string) (*rest.Config, error) {
	var config *rest.Config
	var err error
	if kubeconfig != "" {
		config, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	} else {
		config, err = rest.InClusterConfig()
	}
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.UserAgent = "gatewaytenant-operator"
	return config, nil
}
