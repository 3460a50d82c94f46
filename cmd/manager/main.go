// Command manager is the operator.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ambient-code/gatewaytenant-operator/controllers/operator"
	"github.com/ambient-code/gatewaytenant-operator/controllers/options"
)

func main() {
	operator.ConfigureGC()
	opts, kubeconfig, err := parse(os.Args[1:], os.Getenv)
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), opts, kubeconfig)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

// parse reads flags, and the environment for what no flag says.
func parse(args []string, env func(string) string) (o options.Options, kubeconfig string, err error) {
	flags := flag.NewFlagSet("manager", flag.ExitOnError)
	if err := o.AddFlags(flags, env); err != nil {
		return o, "", err
	}
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig to use instead of the pod's own ServiceAccount")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if flags.NArg() > 0 {
		return o, "", fmt.Errorf("%q: there are flags only; see --help", flags.Args())
	}
	return o, kubeconfig, nil
}

func run(ctx context.Context, opts options.Options, kubeconfig string) error {
	logger := logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	config, err := restConfig(kubeconfig)
	if err != nil {
		return fmt.Errorf("no way to the API server: %w", err)
	}
	mgr, err := operator.NewManager(config, opts)
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
