// Command server is a gateway for real nodes that stands in for OpenShell's. It takes the arguments, environment and
// files of a real one and follows package gateway for the release that the variable GATEWAY_RELEASE of its image names.
//
// Its other commands are the clients of tests:
//
//	server client   connects to a gateway again and again with the certificate in a mounted Secret, and counts what happened
//	server listen   accepts TCP connections on some ports
//	server dial     tries to connect to some addresses, and prints what happened
//
// As in a real gateway of a release 0.1.N, server config preflight checks a gateway.toml.
//
// The variable GATEWAY_FAULT makes the gateway fail; see type fault.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command, arguments := "", os.Args[1:]
	if len(arguments) > 0 && arguments[0] != "" && arguments[0][0] != '-' {
		command, arguments = arguments[0], arguments[1:]
	}
	var err error
	switch command {
	case "":
		err = serve(ctx, arguments)
	case "client":
		err = runClient(ctx, arguments)
	case "listen":
		err = listenOn(ctx, arguments)
	case "dial":
		err = dial(ctx, arguments)
	case "config":
		err = preflight(os.Args[1:])
	default:
		err = fmt.Errorf("unknown command %q, want client, listen or dial", command)
	}
	if err != nil {
		fmt.Fprint(os.Stderr, gateway.Report(err))
		if errors.Is(err, gateway.ErrUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// preflight checks a gateway.toml.
func preflight(arguments []string) error {
	release, err := environmentRelease()
	if err != nil {
		return err
	}
	if err := gateway.RunPreflight(release, arguments, os.Getenv, osFiles{}); err != nil {
		return err
	}
	fmt.Println("gateway config preflight passed")
	return nil
}

// environmentRelease returns the release as which the program behaves.
func environmentRelease() (gateway.Release, error) {
	release, ok := gateway.ParseRelease(os.Getenv("GATEWAY_RELEASE"))
	if !ok {
		return 0, errors.New("the variable GATEWAY_RELEASE must be a release 0.0.N or 0.1.N")
	}
	return release, nil
}

// options are the arguments of a gateway.
type options struct {
	config, database string
	port             uint16 // replaces the one in gateway.toml unless it is 0
	release          gateway.Release
	fault            *fault
}

// parseOptions reads the arguments and the environment. A wrong argument ends the program with code 2.
func parseOptions(arguments []string) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("openshell-gateway", flag.ExitOnError)
	flags.StringVar(&o.config, "config", os.Getenv("OPENSHELL_GATEWAY_CONFIG"), "The gateway.toml.")
	flags.StringVar(&o.database, "db-url", os.Getenv("OPENSHELL_DB_URL"), "The database, as sqlite:PATH.")
	_ = flags.Parse(arguments) // exits by itself on an error
	release, err := environmentRelease()
	if err != nil {
		return o, err
	}
	if o.config == "" || o.database == "" {
		return o, errors.New("--config and --db-url are required")
	}
	if value := os.Getenv("OPENSHELL_SERVER_PORT"); value != "" { // Kubernetes sets it for a Service openshell-server
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return o, fmt.Errorf("invalid value '%s' for '--port <PORT>': invalid digit found in string", value)
		}
		o.port = uint16(port)
	}
	o.release = release
	o.fault, err = parseFault(os.Getenv("GATEWAY_FAULT"))
	return o, err
}
