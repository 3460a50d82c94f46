// Command kubectl-gatewaytenant is a plugin of kubectl: in the PATH, it is run as kubectl gatewaytenant.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/plugin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr})
	stop()
	os.Exit(code)
}

// exitError ends the program with a code, and nothing more to be said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func run(ctx context.Context, args []string, streams genericiooptions.IOStreams) int {
	command := newCommand(streams)
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if code, is := errors.AsType[exitError](err); is {
		return int(code)
	}
	if err != nil {
		fmt.Fprintln(streams.ErrOut, "error:", err)
		return 1
	}
	return 0
}

// options are what all commands share.
type options struct {
	genericiooptions.IOStreams
	kube *genericclioptions.ConfigFlags
}

func newCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &options{streams, genericclioptions.NewConfigFlags(true)}
	command := &cobra.Command{
		Use:   "kubectl-gatewaytenant",
		Short: "See, check and operate OpenShell gateways",
		Long: `See, check and operate OpenShell gateways: the GatewayTenant of each namespace and what it is made of.

What would become of tenants it does not guess: it asks the same code that the operator runs. Beside the flags below it takes
kubectl's own for the way to a cluster, such as --as, --cluster and --request-timeout.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl gatewaytenant"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	command.SetIn(streams.In)
	command.SetOut(streams.Out)
	command.SetErr(streams.ErrOut)
	o.kube.AddFlags(command.PersistentFlags())
	command.PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = !slices.Contains([]string{"namespace", "context", "kubeconfig"}, flag.Name)
	})
	command.AddCommand(o.status(), o.plan(), o.render(), o.validate(), o.convert(), o.rotate(), o.suspend(true), o.suspend(false), o.connect())
	return command
}

// cluster is a client of the API server, and the namespace, that flags and kubeconfig name.
func (o *options) cluster() (client.Client, string, error) {
	config, err := o.kube.ToRESTConfig()
	if err != nil {
		return nil, "", err
	}
	cluster, err := plugin.NewClient(config)
	if err != nil {
		return nil, "", err
	}
	namespace, err := o.namespace()
	return cluster, namespace, err
}

func (o *options) namespace() (string, error) {
	namespace, _, err := o.kube.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// style has colours on a terminal, unless NO_COLOR says otherwise.
func style(out io.Writer) plugin.Style {
	file, is := out.(*os.File)
	return plugin.Style(is && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// onlyName lets a command have one argument: the only name there is.
func onlyName(_ *cobra.Command, args []string) error {
	if len(args) == 0 || len(args) == 1 && args[0] == v1alpha1.Name {
		return nil
	}
	return fmt.Errorf("%s: a GatewayTenant is always named %s; name its namespace with -n", strings.Join(args, " "), v1alpha1.Name)
}
