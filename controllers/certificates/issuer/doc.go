// Package issuer makes keys, issues certificates and writes a tenant's Secrets. Only certgen may import it: the operator
// inspects Secrets with package certificates and cannot make keys.
//
// [Converge] issues what is missing or no longer valid, one whole Secret at a time, and nothing else. A Secret that is in
// use is never deleted, the certificate authority stays until its renewal is due or requested, and the token keys stay
// until new ones are requested. A Secret that another issuer wrote, or whose origin is unknown, is never written.
package issuer
