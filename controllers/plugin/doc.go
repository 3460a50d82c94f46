// Package plugin is what kubectl gatewaytenant does. What would become of tenants it does not know by itself: it asks the
// packages that the operator is made of, with what it reads as the user who runs it.
package plugin
