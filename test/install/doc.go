// Package install installs the operator in each way that there is on a real control plane, upgrades it and removes it.
// The Deployment's pods are only stood in for there, so the operator itself runs beside the cluster, as the ServiceAccount
// that was installed, with the Deployment's arguments and environment.
package install
