package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == "operator" {
		err = operatorMain(os.Args[2:])
	} else {
		ctrl.SetLogger(logr.Discard())
		err = benchMain()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func benchMain() error {
	scale := flag.String("scale", "small", "how much is measured: small or whole")
	limitsPath := flag.String("limits", "", "file of the limits; by default that of the scale")
	page := flag.String("page", "", "page whose table of figures is written anew")
	profiles := flag.String("profiles", "", "directory for profiles of the operator and the API server")
	tenants := flag.Int("tenants", 0, "how many tenants; 0: as many as the scale says")
	most := flag.Duration("most", time.Hour, "how long the run may take before it is ended")
	flag.Parse()
	p, known := plans[*scale]
	if !known {
		return fmt.Errorf("scale %q: it must be small or whole", *scale)
	}
	if p.profiles = *profiles; *tenants > 0 {
		p.few, p.tenants = *tenants*p.few/p.tenants, *tenants
	}
	if *limitsPath == "" {
		*limitsPath = "test/bench/limits/" + *scale + ".yaml"
	}
	limits, err := readLimits(*limitsPath)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *most, fmt.Errorf("the run took longer than %s", *most))
	defer cancel()
	say("the operator and its floor, %s: %d tenants in each leg, %d pairs", *scale, p.tenants, p.pairs)
	r, err := measure(ctx, p)
	if err != nil {
		return err
	}
	say("measured in %s on %s", time.Since(began).Round(time.Second), r.Machine)
	return report(r, limits, *page)
}

// report prints the result, writes it into the page if there is one, and fails if figures are out of their limits.
func report(r *result, limits limits, page string) error {
	fmt.Printf("%s\n", r.table(limits))
	if page != "" {
		if err := r.writePage(page, limits); err != nil {
			return err
		}
	}
	wrong := limits.check(r.Figures)
	if len(wrong) > 0 {
		fmt.Printf("out of their limits:\n  %s\n", strings.Join(wrong, "\n  "))
	}
	line, err := r.line()
	if err != nil {
		return err
	}
	fmt.Println(line)
	if len(wrong) > 0 {
		return errors.New("figures are out of their limits: find the change that did it, or say in the limits' file why it must be so")
	}
	return nil
}

// What is between these in a page is written by a run.
const (
	pageBegin = "<!-- figures: written by make bench -->\n"
	pageEnd   = "<!-- end of figures -->\n"
)

// writePage writes the table of figures into a page.
func (r *result) writePage(path string, limits limits) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), pageBegin)
	_, after, ended := strings.Cut(rest, pageEnd)
	if !found || !ended {
		return fmt.Errorf("%s: there is no place for figures: no %q before %q", path, strings.TrimSpace(pageBegin), strings.TrimSpace(pageEnd))
	}
	figures := fmt.Sprintf("Measured on %s with %.0f tenants on %s.\n\n%s", r.Day, r.Figures["tenants"], r.Machine, r.table(limits))
	return os.WriteFile(path, []byte(before+pageBegin+figures+pageEnd+after), 0o644)
}
