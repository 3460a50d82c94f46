// Package diagnose finds out why a gateway's pod, its StatefulSet or the certgen Job does not do its work. It reads nothing: its
// functions compute a [Problem] from pods, Jobs and Events that the caller has read, and from the time.
package diagnose
