package main

import "github.com/ambient-code/gatewaytenant-operator/test/audit"

// The users whose requests the audit log records.
var (
	operatorUser              = audit.ServiceAccount(platformNamespace, operatorName)
	statefulSetControllerUser = audit.ServiceAccount("kube-system", "statefulset-controller")
)

// writers returns the operator, every tenant's certgen and the StatefulSet controller.
func writers(tenants []tenant) []string {
	users := []string{operatorUser, statefulSetControllerUser}
	for _, t := range tenants {
		users = append(users, audit.ServiceAccount(t.Name, "openshell-gateway-certgen"))
	}
	return users
}

// isOperatorWrite reports whether the operator or certgen sent the request to change an object. Events and the lease do not
// count, nor do dry runs, which change nothing.
func isOperatorWrite(r audit.Request) bool {
	return r.User != statefulSetControllerUser && r.IsWrite() && !r.DryRun && r.Resource != "events" && r.Resource != "leases"
}

// startsPod reports whether the StatefulSet controller created a pod by the request.
func startsPod(r audit.Request) bool {
	return r.User == statefulSetControllerUser && r.Target() == "pods" && r.Verb == "create" && !r.Failed()
}
