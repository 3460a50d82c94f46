package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ambient-code/gatewaytenant-operator/controllers/plugin"
)

// input are flags of commands that read files and know what the platform sets.
type input struct {
	files   []string
	offline bool
}

// environment is where the operator, other than the plugin, takes a flag's default from.
var environment = regexp.MustCompile(`; \$[A-Z_]+.*`)

// Settings that matter to a command.
var (
	ofConfig   = []string{"platform-namespace", "platform-config", "watch-namespaces", "removal-limit", "removal-limit-percent"}
	ofGateways = []string{"gateway-image", "allowed-repositories"}
	ofCertgen  = []string{"certgen-image", "leaf-lifetime", "ca-lifetime", "ca-overlap", "trust-delay"}
)

func (i *input) addFlags(command *cobra.Command, offline bool, settings ...string) {
	command.Flags().StringSliceVarP(&i.files, "filename", "f", nil, "file with GatewayTenants, a ConfigMap platform-config or its bare list; of a directory, its YAML and JSON files; - is standard input")
	if offline {
		command.Flags().BoolVar(&i.offline, "offline", false, "ask nothing of the cluster")
	}
	var defaults plugin.Settings
	flags, err := plugin.NewFlags(&defaults.Options)
	if err != nil {
		panic(err) // no environment is read, so none can be wrong
	}
	all := pflag.NewFlagSet("operator", pflag.ContinueOnError)
	all.AddGoFlagSet(flags)
	for _, name := range settings {
		flag := all.Lookup(name)
		flag.Usage = "as of the operator: " + environment.ReplaceAllString(flag.Usage, "")
		command.Flags().AddFlag(flag)
	}
}

// given are the operator's flags that were given, by name.
func given(command *cobra.Command) map[string]string {
	values := map[string]string{}
	for _, name := range slices.Concat(ofConfig, ofGateways, ofCertgen) {
		if flag := command.Flags().Lookup(name); flag != nil && flag.Changed {
			values[name] = flag.Value.String()
		}
	}
	return values
}

// read reads the operator's settings and the files. The cluster is nil where nothing is to be asked of it.
func (o *options) read(command *cobra.Command, i input) (plugin.Settings, plugin.Input, client.Client, error) {
	var cluster client.Client
	namespace, err := o.namespace()
	if !i.offline {
		cluster, namespace, err = o.cluster()
	}
	if err != nil {
		return plugin.Settings{}, plugin.Input{}, nil, err
	}
	settings, err := plugin.ReadSettings(command.Context(), cluster, given(command))
	if err != nil || len(i.files) == 0 {
		return settings, plugin.Input{}, cluster, err
	}
	files, err := plugin.Files(i.files, o.In, namespace, settings.Options.ConfigMaps())
	return settings, files, cluster, err
}

// filesByFlag lets a command have no argument, and says where files go.
func filesByFlag(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s: name files with -f", strings.Join(args, " "))
	}
	return nil
}

var errNoFile = errors.New("name a file with -f; - is standard input")

func (o *options) plan() *cobra.Command {
	var i input
	var output string
	command := &cobra.Command{
		Use:   "plan -f FILE",
		Short: "Show what the operator would do, before it is asked to",
		Long: `Show what the operator would do if a file were applied: which tenants would be made, changed, restarted, removed or get new
certificates, and why; and what would be refused or held, in the operator's own words. Nothing is written.

A ConfigMap takes the place of the one of its name; a GatewayTenant, that of the one in its namespace. What the operator is
told for all tenants is read from its Deployment; flags come before that. With --offline every namespace that is named
counts as there and empty.

Exit codes, for CI; the first that holds:
  1  something would be refused or held, or cannot be known
  3  a gateway would restart or be removed
  2  something would change, and every gateway would go on
  0  nothing would change`,
		Example: `  kubectl gatewaytenant plan -f platform-config.yaml
  kubectl gatewaytenant plan -f gatewaytenant.yaml -n tenant-a -o json
  kubectl gatewaytenant plan -f platform-config.yaml --gateway-image=ghcr.io/nvidia/openshell/gateway:0.0.110`,
		Args: filesByFlag,
		RunE: func(command *cobra.Command, _ []string) error {
			if len(i.files) == 0 {
				return errNoFile
			}
			settings, files, cluster, err := o.read(command, i)
			if err != nil {
				return err
			}
			planner := plugin.Planner{Settings: settings, Now: time.Now()}
			if cluster != nil {
				planner.Cluster = cluster
			}
			plan, err := planner.Plan(command.Context(), files)
			if err != nil {
				return err
			}
			if output != "" {
				err = plugin.WriteAs(o.Out, output, plan)
			} else {
				plan.Text(o.Out, style(o.Out))
			}
			if code := plan.ExitCode(); err == nil && code != 0 {
				return exitError(code)
			}
			return err
		},
	}
	i.addFlags(command, true, slices.Concat(ofConfig, ofGateways, ofCertgen)...)
	command.Flags().StringVarP(&output, "output", "o", "", "json or yaml, instead of text")
	return command
}

func (o *options) validate() *cobra.Command {
	i := input{offline: true}
	command := &cobra.Command{
		Use:   "validate -f FILE",
		Short: "Check files as the API server and the operator would, without a cluster",
		Long: `Check GatewayTenants and entries of platform-config as the API server and the operator would, without a cluster. What is wrong
is told by file and line. Documents of other kinds are passed over.

What the platform allows is said by the operator's flags. Exit codes: 0 all is accepted, 1 something is not.`,
		Example: `  kubectl gatewaytenant validate -f platform-config.yaml -f gatewaytenant.yaml
  kubectl kustomize overlays/production | kubectl gatewaytenant validate -f - \
    --allowed-repositories=registry.example.com/openshell --gateway-image=registry.example.com/openshell/gateway:0.0.110`,
		Args: filesByFlag,
		RunE: func(command *cobra.Command, _ []string) error {
			if len(i.files) == 0 {
				return errNoFile
			}
			settings, files, _, err := o.read(command, i)
			if err != nil {
				return err
			}
			findings, err := plugin.Validate(files, settings)
			if err != nil {
				return err
			}
			for _, finding := range findings {
				fmt.Fprintln(o.Out, finding)
			}
			for _, note := range files.Notes {
				fmt.Fprintln(o.ErrOut, "note:", note)
			}
			if len(findings) > 0 {
				return exitError(1)
			}
			fmt.Fprintf(o.ErrOut, "%d checked, all accepted\n", files.Checked(settings.Platform))
			return nil
		},
	}
	i.addFlags(command, false, append([]string{"platform-namespace", "platform-config", "watch-namespaces"}, ofGateways...)...)
	return command
}

func (o *options) render() *cobra.Command {
	var i input
	command := &cobra.Command{
		Use:   "render [openshell-gateway]",
		Short: "Write the objects that a gateway is made of, as YAML",
		Long: `Write the objects that a GatewayTenant's gateway is made of, as YAML, for review: of the one in the cluster, or of one in a
file. Uids and the id of the token key come from the cluster; with --offline they are left out.`,
		Example: `  kubectl gatewaytenant render -n tenant-a
  kubectl gatewaytenant render -f gatewaytenant.yaml --offline > rendered.yaml`,
		Args: onlyName,
		RunE: func(command *cobra.Command, _ []string) error {
			if i.offline && len(i.files) == 0 {
				return errNoFile
			}
			settings, files, cluster, err := o.read(command, i)
			if err != nil {
				return err
			}
			for _, note := range settings.Notes {
				fmt.Fprintln(o.ErrOut, "note:", note)
			}
			var reader client.Reader
			if cluster != nil {
				reader = cluster
			}
			if len(i.files) > 0 {
				tenant, err := plugin.TenantIn(files)
				if err != nil {
					return err
				}
				return plugin.Render(command.Context(), o.Out, reader, tenant, settings)
			}
			namespace, err := o.namespace()
			if err != nil {
				return err
			}
			tenant, err := plugin.Tenant(command.Context(), cluster, namespace)
			if err != nil {
				return err
			}
			return plugin.Render(command.Context(), o.Out, reader, tenant, settings)
		},
	}
	i.addFlags(command, true, slices.Concat([]string{"platform-namespace"}, ofGateways, ofCertgen)...)
	return command
}
