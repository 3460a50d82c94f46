// Package certificates knows what a tenant's certificates and token keys are: four Secrets, made by the certgen Job
// and only looked at by the operator.
//
// The operator's side is [Strip], [Inspect] and [Decide]: what is there, is it enough, and must the Job run. Certgen's
// side is [Converge]: make what is missing or no longer fits, one whole Secret at a time, and nothing else. A Secret
// that serves is never deleted, the certificate authority stays until its renewal is due or asked for, and the token keys stay
// until new ones are asked for. A Secret that another issuer wrote, or whose origin is unknown, is used while it fits
// and never written.
package certificates
