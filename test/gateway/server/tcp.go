package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"
	"time"
)

// listenOn accepts connections on the ports that --ports names until the context ends, and writes a line to each.
func listenOn(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("listen", flag.ExitOnError)
	ports := flags.String("ports", "", "Ports, separated by commas.")
	_ = flags.Parse(arguments) // exits by itself on an error
	for port := range strings.SplitSeq(*ports, ",") {
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		go accept(listener, port)
	}
	fmt.Println("listening on", *ports)
	<-ctx.Done()
	return nil
}

func accept(listener net.Listener, port string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		fmt.Fprintf(connection, "port %s\n", port)
		_ = connection.Close()
	}
}

// dial tries to connect to each address once, and prints a line "ADDRESS OUTCOME" for each: open, refused, timeout, name
// or other. The attempts are concurrent.
func dial(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("dial", flag.ExitOnError)
	timeout := flags.Duration("timeout", 3*time.Second, "Time after which an attempt counts as timed out.")
	_ = flags.Parse(arguments) // exits by itself on an error
	if flags.NArg() == 0 {
		return errors.New("dial needs addresses HOST:PORT")
	}
	results := make([]chan string, flags.NArg())
	for i, address := range flags.Args() {
		results[i] = make(chan string, 1)
		go func() { results[i] <- try(ctx, address, *timeout) }()
	}
	for i, address := range flags.Args() {
		fmt.Println(address, <-results[i])
	}
	return nil
}

func try(ctx context.Context, address string, timeout time.Duration) string {
	connection, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return outcome(err)
	}
	_ = connection.Close()
	return "open"
}
