// Command upgrade exercises an upgrade of the operator, and the way back, on a control plane of its own. It creates tenants
// under an earlier version, replaces that version by the present one, and returns twice. For each step it reports every write
// of the operator and of certgen with the fields that changed, every gateway that restarted with the cause, and which
// tenants were Ready before and after.
//
// Both versions run with the stand-ins for nodes, volumes and containers of the present version. Objects that only one of the
// two versions installs stay, as they do with kubectl apply.
package main
