// Package gateway describes what an OpenShell gateway of the releases 0.0.71 to 0.0.111 and 0.1.0 to 0.1.5 does with its
// files: which gateway.toml it accepts, which other files it needs, how it migrates its database, where it keeps its
// key-encryption key, who its callers are, and the errors with which it ends.
//
// The releases 0.1.N read another version of gateway.toml. What they do differently is in the files whose names end in 2. It
// is written from documents, and from the source of the time before and after a release. Where these leave a choice, the
// package refuses what a gateway might refuse, and a comment says what is inferred.
//
// The simulated kubelet of the development cluster uses this package to decide whether a gateway would start. The program
// in server is a gateway for real nodes that stands in for the real one.
//
// The package is written from OpenShell's source and is independent of package manifests: if the operator renders a file
// that a gateway refuses, the tests notice. It does not connect to interceptors, middleware or credential drivers, and it
// does not read the tables of compute drivers other than kubernetes.
package gateway
