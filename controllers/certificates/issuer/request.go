package issuer

import (
	"k8s.io/client-go/metadata"

	"github.com/ambient-code/gatewaytenant-operator/controllers/certificates"
)

// Request is what the certgen Job is to do.
type Request struct {
	certificates.Desired
	// Namespace is the tenant's.
	Namespace string
	// Lifetimes are those of what is issued.
	Lifetimes certificates.Lifetimes
	// Clock is compared with the API server's before anything is issued. It is not compared if nil.
	Clock *Clock
	// Tenants reads the GatewayTenants of the namespace from the API server, before a Secret is given an owner.
	Tenants metadata.ResourceInterface
}
