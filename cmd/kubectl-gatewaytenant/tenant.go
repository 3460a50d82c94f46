package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ambient-code/gatewaytenant-operator/controllers/plugin"
)

func (o *options) status() *cobra.Command {
	var all bool
	var output string
	command := &cobra.Command{
		Use:   "status [openshell-gateway]",
		Short: "Show a tenant, its objects and what it waits for, as a tree",
		Long: `Show a tenant, its objects and what it waits for, as a tree.

Colours are used on a terminal; set NO_COLOR to have none. What you may not read is shown as unseen.`,
		Example: `  kubectl gatewaytenant status -n tenant-a
  kubectl gatewaytenant status -A
  kubectl gatewaytenant status -A -o json | jq -r '.tenants[] | select(.ready != "True") | .namespace + ": " + .message'`,
		Args: onlyName,
		RunE: func(command *cobra.Command, _ []string) error {
			cluster, namespace, err := o.cluster()
			if err != nil {
				return err
			}
			if all {
				namespace = ""
			}
			now := time.Now()
			statuses, err := plugin.Statuses(command.Context(), cluster, namespace, now)
			if err != nil {
				return err
			}
			if output != "" {
				return plugin.WriteAs(o.Out, output, map[string]any{"tenants": statuses})
			}
			if len(statuses) == 0 && all {
				return fmt.Errorf("there is no GatewayTenant in any namespace")
			}
			if len(statuses) == 0 {
				return fmt.Errorf("there is no GatewayTenant in namespace %s; name another with -n, or see all with -A", namespace)
			}
			plugin.Tree(o.Out, statuses, style(o.Out), now)
			return nil
		},
	}
	command.Flags().BoolVarP(&all, "all-namespaces", "A", false, "show the tenants of all namespaces")
	command.Flags().StringVarP(&output, "output", "o", "", "json or yaml, instead of a tree")
	return command
}

func (o *options) rotate() *cobra.Command {
	var value string
	command := &cobra.Command{
		Use:   "rotate tls|ca|tokens",
		Short: "Ask for new certificates, a new authority, or new token keys",
		Long: `Ask for new certificates, a new authority, or new token keys, by an annotation of the GatewayTenant.

  tls     certificates of the gateway and its clients, from the same authority; nobody notices
  ca      the authority and all certificates from it; the former one stays trusted for a time
  tokens  the keys of the sandboxes' tokens; the gateway restarts once, running sandboxes lose their connection to it

A value that is not the last one asks once. It may be kept in GitOps.`,
		Example: `  kubectl gatewaytenant rotate tls -n tenant-a
  kubectl gatewaytenant rotate ca -n tenant-a --value=2026-12`,
		Args:      oneRotation,
		ValidArgs: []string{"tls", "ca", "tokens"},
		RunE: func(command *cobra.Command, args []string) error {
			cluster, namespace, err := o.cluster()
			if err != nil {
				return err
			}
			text, err := plugin.Rotate(command.Context(), cluster, namespace, args[0], value)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Out, "gatewaytenant %s/openshell-gateway: %s\n", namespace, text)
			return nil
		},
	}
	command.Flags().StringVar(&value, "value", time.Now().UTC().Format(time.DateOnly), "what the annotation says; by default the date")
	return command
}

// oneRotation lets a command have one argument, and says what it may be.
func oneRotation(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name what to rotate: tls, ca or tokens")
	}
	return nil
}

func (o *options) suspend(suspend bool) *cobra.Command {
	command := &cobra.Command{
		Use:     "suspend [openshell-gateway]",
		Short:   "Leave a gateway alone: change, repair and renew nothing of it",
		Long:    "Leave a gateway alone: nothing of it is changed, repaired or renewed until it is resumed. It goes on serving.",
		Example: "  kubectl gatewaytenant suspend -n tenant-a",
		Args:    onlyName,
		RunE: func(command *cobra.Command, _ []string) error {
			cluster, namespace, err := o.cluster()
			if err != nil {
				return err
			}
			text, err := plugin.Suspend(command.Context(), cluster, namespace, suspend)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Out, "gatewaytenant %s/openshell-gateway: %s\n", namespace, text)
			return nil
		},
	}
	if !suspend {
		command.Use, command.Short = "resume [openshell-gateway]", "Look after a gateway that was suspended"
		command.Long = "Look after a gateway that was suspended: it is brought to what its spec asks for, which may restart it. To see whether it would: kubectl gatewaytenant plan."
		command.Example = strings.Replace(command.Example, "suspend", "resume", 1)
	}
	return command
}

func (o *options) connect() *cobra.Command {
	var directory string
	var overwrite bool
	command := &cobra.Command{
		Use:   "connect [openshell-gateway]",
		Short: "Write a client's certificate to files, and say how to reach the gateway",
		Long: `Write a client's certificate, its key and its authority to a directory, and say how to reach the gateway.

The files are ca.crt, tls.crt and tls.key, with mode 0600. Whoever has them is a client of the gateway: keep them as you
keep your kubeconfig. It needs the right to get the Secret openshell-client-tls.`,
		Example: `  kubectl gatewaytenant connect -n tenant-a
  kubectl gatewaytenant connect -n tenant-a --dir ~/.openshell/tenant-a --overwrite`,
		Args: onlyName,
		RunE: func(command *cobra.Command, _ []string) error {
			cluster, namespace, err := o.cluster()
			if err != nil {
				return err
			}
			if directory == "" {
				directory = "openshell-" + namespace
			}
			connection, err := plugin.Connect(command.Context(), cluster, namespace, directory, overwrite)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Out, "%s", connection.Text())
			return nil
		},
	}
	command.Flags().StringVar(&directory, "dir", "", "directory to write to, made if it is not there; by default openshell-<namespace>")
	command.Flags().BoolVar(&overwrite, "overwrite", false, "replace files that are there with another content")
	return command
}
