package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

type options struct {
	kubeconfig string
	certgen    string
	dir        string
	probes     string
}

func main() {
	var o options
	flags := flag.NewFlagSet("containers", flag.ExitOnError) // the common one has flags of libraries in it
	flags.StringVar(&o.probes, "probes", "", "Address of /readyz.")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "Kubeconfig of a user who may do what a kubelet may, and ask for any pod's token.")
	flags.StringVar(&o.certgen, "certgen", "", "The certgen program.")
	flags.StringVar(&o.dir, "dir", "", "Directory for its files, tokens among them; emptied at the start.")
	_ = flags.Parse(os.Args[1:]) // exits by itself on an error
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "containers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.kubeconfig == "" || o.certgen == "" || o.dir == "" {
		return errors.New("--kubeconfig, --certgen and --dir are needed")
	}
	ctrl.SetLogger(klog.Background())
	cfg, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	cfg.QPS = -1
	return runKubelet(ctx, cfg, o)
}
