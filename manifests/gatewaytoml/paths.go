package gatewaytoml

// Paths in the gateway's container.
const (
	// VolumePath is where the gateway's volume is mounted. Nothing else in the container can be written.
	VolumePath = "/var/openshell"
	// TokenKeysPath is where the keys of the sandboxes' tokens are mounted.
	TokenKeysPath = "/etc/openshell-jwt" //nolint:gosec // a directory

	serverTLSPath = "/etc/openshell-tls/server"
	clientCAPath  = "/etc/openshell-tls/client-ca"
)

// Paths of the key-encryption key on the gateway's volume, with which it encrypts stored credentials. A gateway that does
// not find its key restricts the key's directory to its own user and then creates a key. The gateway is normally not allowed to
// restrict the root of the volume, so the key is in a subdirectory. Earlier operators rendered RootKeyPath.
const (
	RootKeyPath   = VolumePath + "/key-encryption-key.bin"
	SubdirKeyPath = VolumePath + "/credentials/key-encryption-key.bin"
)
