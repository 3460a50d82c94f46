// Package hostile attacks the operator as the administrators of many tenants would: with generated GatewayTenants, each of
// which may be anything. Whatever they write, the operator's requests stay in the tenant's own namespace, its one
// ClusterRoleBinding aside, and no value of theirs becomes an argument, a key or an object of its own.
//
// A generator (generate_test.go) makes what is written, attackers (attack_test.go) write it as themselves, and an oracle
// (oracle_test.go) judges every request by which the operator changes something, where it leaves the operator.
package hostile
