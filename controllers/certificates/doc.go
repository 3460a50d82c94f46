// Package certificates inspects a tenant's certificates and token keys: four Secrets, which the certgen Job issues and the
// operator only reads.
//
// [Transform] drops the private keys from what the operator's caches hold, [Inspect] reports what the Secrets are and need, and
// [Decide] decides whether the certgen Job must run. Package issuer, which only certgen imports, makes keys and writes
// Secrets. It uses the same inspection: [SecretSet] tells it what to issue. A Secret that another issuer wrote, or whose
// origin is unknown, is used while it is valid and never written.
//
// The tests that need real certificates are in package issuer.
package certificates
