package plan

// State is the state of an entry, or of a bridged GatewayTenant without one.
type State string

// States.
const (
	// Applied means that the GatewayTenant is as the entry says. The health of its gateway is in the GatewayTenant's status.
	Applied State = "Applied"
	// Contended means that the entry is applied, but other clients repeatedly change or delete the GatewayTenant.
	Contended State = "Contended"
	// Waiting means that the namespace does not exist, is being deleted, or is being restored.
	Waiting State = "Waiting"
	// Refused means that the entry is not valid, or that the API server rejects it. A GatewayTenant that it created before
	// stays. If only independent fields are rejected, the rest of the entry is applied to it.
	Refused State = "Refused"
	// Conflict means that the GatewayTenant exists and was not created by the bridge.
	Conflict State = "Conflict"
	// Failed means that a request to the API server failed. It is retried.
	Failed State = "Failed"
	// Kept means that no entry asks for the GatewayTenant, but that it stays because an entry that cannot be read may do so.
	Kept State = "Kept"
	// Held means that the GatewayTenant would be removed, together with so many others that the removal waits for a
	// confirmation.
	Held State = "Held"
)

// States returns all states.
func States() []State {
	return []State{Applied, Contended, Waiting, Refused, Conflict, Failed, Kept, Held}
}

// Row is one row of the report.
type Row struct {
	Namespace string `json:"namespace"`
	State     State  `json:"state"`
	Source    string `json:"source"`
	Message   string `json:"message,omitempty"`
}

// Count returns the number of rows in each state.
func Count(rows []Row) map[State]int {
	counts := map[State]int{}
	for _, row := range rows {
		counts[row.State]++
	}
	return counts
}
