// Package crdschema validates a GatewayTenant against its CustomResourceDefinition as an API server does, with the API
// server's own code, but without an API server.
package crdschema
