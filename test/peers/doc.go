// Package peers runs real controllers that share objects with the operator next to it, and checks that neither disturbs the other:
// cert-manager, whose controller is built in the directory certmanager. It also calls a gateway with OpenShell's own client.
package peers
