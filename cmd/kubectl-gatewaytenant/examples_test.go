package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// examplesOf returns the commands in the examples of a command's help, each as its arguments after kubectl gatewaytenant.
func examplesOf(command *cobra.Command) [][]string {
	var all [][]string
	for line := range strings.SplitSeq(strings.ReplaceAll(command.Example, "\\\n", " "), "\n") {
		_, line, is := strings.Cut(line, "kubectl gatewaytenant ")
		if !is {
			continue
		}
		line, _, _ = strings.Cut(line, " | ")
		line, _, _ = strings.Cut(line, " > ")
		all = append(all, strings.Fields(line))
	}
	return all
}

// TestExamplesOfHelpWork: their flags and arguments are valid, and those that need no cluster succeed.
func TestExamplesOfHelpWork(t *testing.T) {
	directory := t.TempDir()
	samples := map[string]string{}
	for _, name := range []string{"platform-config.yaml", "gatewaytenant.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../config/samples", name))
		if err != nil {
			t.Fatal(err)
		}
		samples[name] = strings.ReplaceAll(string(text), "ghcr.io/nvidia/", "registry.example.com/") // as an overlay changes it
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(directory)
	ran := 0
	for _, command := range newCommand(genericiooptions.NewTestIOStreamsDiscard()).Commands() {
		examples := examplesOf(command)
		if command.Name() != "help" && command.Name() != "completion" && len(examples) == 0 {
			t.Errorf("%s has no example", command.Name())
		}
		for _, args := range examples {
			var out bytes.Buffer
			root := newCommand(genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out})
			found, rest, err := root.Find(args)
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%q: %v", args, err)
				continue
			}
			if args[0] == "plan" || args[0] == "render" && slices.Contains(args, "-f") {
				args = append(args, "--offline")
			} else if args[0] != "validate" && args[0] != "convert" {
				continue
			}
			ran++
			streams := genericiooptions.IOStreams{In: strings.NewReader(samples["platform-config.yaml"]), Out: &out, ErrOut: &out}
			if code := run(t.Context(), args, streams); code == 1 {
				t.Errorf("%q exits with %d: %s", args, code, out.String())
			}
		}
	}
	if ran < 5 {
		t.Errorf("only %d examples were run", ran)
	}
}
