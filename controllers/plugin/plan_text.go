package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// Exit codes of plan: the worst of what it found.
const (
	ExitUnchanged = 0 // nothing would change
	ExitRefused   = 1 // something would be refused or held, or cannot be known
	ExitChanges   = 2 // something would change, and every gateway would go on
	ExitRestarts  = 3 // a gateway would restart or be removed
)

// ExitCode sums a plan up.
func (p Plan) ExitCode() int {
	code := ExitUnchanged
	if len(p.Problems) > 0 {
		return ExitRefused
	}
	for _, tenant := range p.Tenants {
		switch {
		case tenant.Action == Refused || tenant.Action == Held || tenant.Unknown:
			return ExitRefused
		case tenant.Action == Removed || len(tenant.Restart) > 0:
			code = ExitRestarts
		case tenant.Action != Unchanged && tenant.Action != Kept:
			code = max(code, ExitChanges)
		}
	}
	return code
}

// marks come before each tenant, and say by themselves what happens.
var marks = map[Action]struct {
	mark   string
	colour int
}{
	Made: {"+", green}, Waiting: {"+", green}, Changed: {"~", yellow}, Released: {"~", yellow}, Removed: {"-", red},
	Refused: {"!", red}, Held: {"!", red}, Kept: {"=", dim}, Unchanged: {"=", dim},
}

// Text writes a plan for people: a tenant and what becomes of it, then all in one line. Tenants that stay as they are, are
// counted only.
func (p Plan) Text(out io.Writer, style Style) {
	for _, tenant := range p.Tenants {
		if tenant.Action != Unchanged || tenant.Unknown {
			tenant.text(out, style)
		}
	}
	for _, problem := range p.Problems {
		fmt.Fprintln(out, style.paint(red, "problem: ")+problem)
	}
	for _, note := range p.Notes {
		fmt.Fprintln(out, style.paint(dim, "note: "+note))
	}
	fmt.Fprintln(out, p.summary())
}

func (o Outcome) text(out io.Writer, style Style) {
	what := string(o.Action)
	if len(o.Restart) > 0 {
		what += ", restarts once"
	}
	if len(o.Certificates) > 0 {
		what += ", certificates made anew"
	}
	if o.Unknown && o.Action != Refused && o.Action != Held {
		what += ", as far as can be seen"
	}
	if o.Message != "" {
		what += ": " + o.Message
	}
	namespace := o.Namespace
	if namespace == "" {
		namespace = "(no namespace)"
	}
	mark := marks[o.Action]
	fmt.Fprintf(out, "%s %s\n", style.paint(mark.colour, mark.mark+" "+namespace), what)
	lines := func(title string, colour int, all []string) {
		for _, one := range all {
			fmt.Fprintf(out, "    %s %s\n", style.paint(colour, title), one)
		}
	}
	if o.Action == Changed {
		lines("spec    ", dim, trimmed(o.Spec))
	}
	lines("restart ", yellow, o.Restart)
	lines("renew   ", yellow, o.Certificates)
	lines("objects ", dim, o.objects())
	lines("note    ", dim, o.Notes)
}

// trimmed are fields without what all of them begin with.
func trimmed(fields []string) []string {
	var all []string
	for _, field := range fields {
		all = append(all, strings.TrimPrefix(field, "spec."))
	}
	return all
}

// objects are one line: those of a tenant that is made are always the same.
func (o Outcome) objects() []string {
	if o.Action == Made {
		return nil
	}
	var changed []string
	for _, change := range o.Objects {
		text := change.Kind + " " + change.Name
		if change.Kind == "Job" {
			if change.Action == plan.Create { // the finished one is deleted before
				changed = append(changed, text+" (runs)")
			}
			continue
		}
		switch change.Action {
		case plan.Create:
			text += " (made)"
		case plan.Delete:
			text += " (removed)"
		case plan.Recreate:
			text += " (removed and made anew)"
		case plan.RemoveSubject:
			text += " (without this gateway)"
		}
		changed = append(changed, text)
	}
	if len(changed) == 0 {
		return nil
	}
	return []string{strings.Join(changed, ", ")}
}

// summary counts.
func (p Plan) summary() string {
	counts := map[Action]int{}
	restarts, renewals := 0, 0
	for _, tenant := range p.Tenants {
		counts[tenant.Action]++
		if len(tenant.Restart) > 0 {
			restarts++
		}
		if len(tenant.Certificates) > 0 {
			renewals++
		}
	}
	var parts []string
	for _, action := range []Action{Made, Changed, Removed, Released, Waiting, Refused, Held, Kept, Unchanged} {
		if counts[action] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[action], action))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no tenants"}
	}
	text := "Plan: " + strings.Join(parts, ", ")
	text += fmt.Sprintf("; %s, %s.", count(restarts, "restart", "restarts"), count(renewals, "gateway with new certificates", "gateways with new certificates"))
	return text
}

func count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
