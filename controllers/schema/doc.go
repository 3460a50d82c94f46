// Package schema holds a GatewayTenant against its CustomResourceDefinition as an API server does, with the API server's
// own code, and without one.
package schema
