package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ambient-code/gatewaytenant-operator/controllers/plugin"
	"github.com/ambient-code/gatewaytenant-operator/manifests/release"
)

func (o *options) convert() *cobra.Command {
	i := input{offline: true}
	command := &cobra.Command{
		Use:   "convert -f FILE",
		Short: "Convert spec.config for OpenShell 0.1.0 and later",
		Long: `Convert texts of spec.config for gateways from OpenShell 0.1.0 on, which read schema version 2 of gateway.toml and no other.` + unsupported() + `

Each file contains such a text, GatewayTenants, a ConfigMap platform-config or its list. The command does not connect to the cluster
and changes no file: it writes the converted texts to standard output. A key that moves goes to the end of its new table, with the
comment above it. The comment behind a key that is dropped is dropped.

Notes go to standard error: what was dropped, and after "decide:" what you have to do before a gateway can run with the text.
Change spec.config together with the image: gateways before 0.1.0 do not start with a converted text.

Exit codes, for CI; the first that holds:
  1  something cannot be read or converted
  2  there are notes with "decide:"
  0  the texts are converted`,
		Example: `  kubectl gatewaytenant convert -f gatewaytenant.yaml
  kubectl gatewaytenant convert -f platform-config.yaml
  kubectl get gatewaytenant openshell-gateway -n tenant-a -o jsonpath='{.spec.config}' | kubectl gatewaytenant convert -f -`,
		Args: filesByFlag,
		RunE: func(command *cobra.Command, _ []string) error {
			if len(i.files) == 0 {
				return errNoFile
			}
			namespace, err := o.namespace()
			if err != nil {
				return err
			}
			settings, err := plugin.ReadSettings(command.Context(), nil, given(command))
			if err != nil {
				return err
			}
			all, findings, err := plugin.Convert(i.files, o.In, namespace, settings.Options.ConfigMaps())
			if err != nil {
				return err
			}
			plugin.WriteConversions(o.Out, all)
			return o.conversionNotes(all, findings)
		},
	}
	i.addFlags(command, false, "platform-namespace", "platform-config")
	command.Flags().Lookup("filename").Usage = "text of gateway.toml, or " + command.Flags().Lookup("filename").Usage
	return command
}

// unsupported says that the operator does not run these gateways, unless it does.
func unsupported() string {
	if len(release.SupportedWith(2)) > 0 {
		return ""
	}
	return "\nThis version of the operator does not run these gateways yet."
}

// conversionNotes writes the notes of conversions and what could not be converted, and returns the exit code.
func (o *options) conversionNotes(all []plugin.Conversion, findings []plugin.Finding) error {
	decisions := 0
	for _, conversion := range all {
		for _, note := range conversion.Notes {
			fmt.Fprintln(o.ErrOut, note)
			if note.Decision {
				decisions++
			}
		}
	}
	for _, finding := range findings {
		fmt.Fprintln(o.ErrOut, finding)
	}
	switch {
	case len(findings) > 0:
		return exitError(1)
	case decisions > 0:
		return exitError(2)
	case len(all) == 0:
		fmt.Fprintln(o.ErrOut, "note: no object has a spec.config, so there is nothing to convert")
	}
	return nil
}
