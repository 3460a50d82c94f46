package certificates

import "strings"

// origin is where a Secret comes from. It decides whether certgen may change the Secret.
type origin int

// Origins.
const (
	// ours: certgen issued it, took it over, or was handed it. It is managed fully.
	ours origin = iota
	// predecessor: OpenShell's own generator issued it. It is taken over.
	predecessor
	// foreign: another issuer or controller writes it. It is used while it fits, and neither written nor owned.
	foreign
	// unknown: nothing shows where it comes from. It is used like a foreign one, since to overwrite it could destroy keys
	// that exist nowhere else, and to reject it would stop a gateway that works.
	unknown
	// terminating: it is being deleted, or will be since its GatewayTenant no longer exists.
	terminating
)

// source is the origin of one Secret and, if it is foreign, the name of what writes it.
type source struct {
	origin origin
	writer string
	// controlled is set if another controller owns the Secret, so that it cannot be handed over.
	controlled bool
}

// managed reports whether certgen may write the Secret.
func (s source) managed() bool { return s.origin == ours || s.origin == predecessor }

// handOver returns the Secret's name if certgen could write it once it is handed over.
func (s source) handOver(name string) string {
	if s.controlled || s.origin != foreign && s.origin != unknown {
		return ""
	}
	return name
}

// printable returns a name that a client chose, as far as it can be printed in a message.
func printable(name string) string {
	const most = 64
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), most)]
}
