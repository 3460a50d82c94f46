// Package format is the format of the Secrets that certgen writes and the operator reads: their keys, types and
// annotations, the names in their certificates, the PEM texts that they hold, and the bounds within which they are read.
// It makes no keys and issues no certificates.
package format
