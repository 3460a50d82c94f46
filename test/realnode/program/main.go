//go:build linux

// Command realnode runs a real node for people, with the operator and a tenant: realnode up, realnode down. It is also the
// program of the processes that make up a node (see package realnode).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/ambient-code/gatewaytenant-operator/test/realnode"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "realnode:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch {
	case len(args) == 1 && args[0] == "up":
		return up(ctx)
	case len(args) == 1 && args[0] == "down":
		return down()
	case len(args) >= 2 && args[0] == "keep":
		stop()
		return realnode.Keep(args[1], len(args) == 3)
	case len(args) == 3 && args[0] == "init":
		return realnode.Init(args[1], args[2])
	case len(args) == 3 && args[0] == "run":
		port, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return realnode.Run(args[1], port)
	}
	return errors.New("usage: realnode up|down")
}
