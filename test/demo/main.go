// Command demo shows the operator at work: on a control plane of its own, three tenants get their gateways.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/test/devcluster"
)

// dir is where the demo's cluster keeps its files, below the project's root.
const dir = ".devcluster"

// limit is how long the demo may take from when all is built.
const limit = 3 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be done: the contexts end with the process
	}
}

func run(ctx context.Context, args []string) error {
	actions := map[string]func(context.Context) error{"up": up, "empty": empty, "operator": installed, "down": down}
	if len(args) == 1 && actions[args[0]] != nil {
		return actions[args[0]](ctx)
	}
	return errors.New("say up, empty, operator or down")
}

// down ends all that up started. Where nothing runs there is nothing to do.
func down(context.Context) error {
	cluster, err := devcluster.Open(dir)
	if cluster == nil {
		say("Nothing runs: %v", err)
		return nil
	}
	if err := cluster.Stop(); err != nil {
		return err
	}
	say("The control plane, and what ran beside it, has ended. The logs are in %s/logs.", dir)
	return nil
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
