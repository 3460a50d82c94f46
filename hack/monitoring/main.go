// Command monitoring writes the operator's Grafana dashboard. Its tests hold the dashboard and the alerts of
// config/prometheus against the metrics that the operator registers.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "monitoring: name the file to write the dashboard to")
		os.Exit(1)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "monitoring:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	board, err := newDashboard().Build()
	if err != nil {
		return fmt.Errorf("the dashboard: %w", err)
	}
	text, err := json.MarshalIndent(board, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
