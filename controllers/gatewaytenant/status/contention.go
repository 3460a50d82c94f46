package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/ambient-code/gatewaytenant-operator/api/v1alpha1"
	"github.com/ambient-code/gatewaytenant-operator/controllers/gatewaytenant/plan"
)

// Interference is how another client interferes with what the operator applies.
type Interference int

// The kinds of Interference.
const (
	// Changes: it changes objects.
	Changes Interference = iota
	// Deletes: it deletes objects. The API server does not record which client did.
	Deletes
	// Overrides: an admission webhook changes what the operator writes.
	Overrides
)

// A Contention is a client that interferes again and again.
type Contention struct {
	How Interference
	// Manager is its field manager. It is empty if the API server does not name it.
	Manager string
	// Objects are some of the objects, as kind and name with some of the fields, and More is how many others there are.
	Objects []string
	More    int
}

// maxContentions is how many clients are named. A message that is too long would make the status invalid.
const maxContentions = 3

// contentionWarning reports the clients that interfere, and a repair that waits because of them.
func contentionWarning(in Input) Warning {
	var messages []string
	for i, is := range in.Contentions {
		if i == maxContentions {
			messages = append(messages, fmt.Sprintf("%d more clients interfere in the same way", len(in.Contentions)-i))
			break
		}
		messages = append(messages, is.message(in.GatewayTenant.Namespace))
	}
	if until := in.Plan.RepairAt; !until.IsZero() {
		messages = append(messages, fmt.Sprintf("the operator has restarted the gateway %d times within %d minutes to revert such changes, so it leaves the pod template as it is until %s",
			plan.MaxRestarts, int(plan.RestartWindow.Minutes()), until.UTC().Format(time.RFC3339)))
	}
	return Warning{v1alpha1.ReasonChangedByOthers, strings.Join(messages, "; ")}
}

func (c Contention) message(namespace string) string {
	objects := strings.Join(c.Objects, ", ")
	if c.More > 0 {
		objects += fmt.Sprintf(" and %d more objects", c.More)
	}
	manager := c.Manager
	if manager == "" {
		manager = "a client that the API server does not name"
	}
	switch c.How {
	case Deletes:
		return fmt.Sprintf("%s deletes %s again and again, and the operator creates it again each time; find the client in the audit log of the API server "+
			"(verb delete, namespace %s) and stop it", manager, objects, namespace)
	case Overrides:
		return fmt.Sprintf("an admission webhook changes %s whenever the operator sets it; exclude this object from the webhook, "+
			"which is one of: kubectl get mutatingwebhookconfigurations", objects)
	}
	return fmt.Sprintf("%s changes %s again and again, and the operator reverts it each time; stop that client, or remove the object from what it manages "+
		"without deleting it (an earlier control plane that still runs has to be stopped)", manager, objects)
}
