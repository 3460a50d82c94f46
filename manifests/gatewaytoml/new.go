// Package gatewaytoml writes the gateway.toml of a tenant: the tenant's text, merged over the defaults, with the keys that the
// operator manages. It rejects a text with which a gateway of the tenant's release would not start. Like package manifests,
// it is pure.
//
// [New] shows the way of a text: decode.go bounds and decodes it; unsafe.go, validate.go (with schema.go or schema2.go), and
// contradictions.go (with authentication.go, managed.go, credentials.go and extensions.go) find its faults; unused.go, defaults.go and
// encode.go write gateway.toml. [Convert] rewrites a text of schema version 1 for gateways that read version 2.
package gatewaytoml

import (
	"slices"
	"strings"
)

// New returns the gateway.toml for an input. The error is an [*Errors] or another error about the whole text. It names the position
// in the text and the way out.
func New(in Input) (File, error) {
	text := strings.TrimPrefix(in.Text, "\ufeff") // a byte order mark, which gateways ignore
	given, err := decode(text)
	if err != nil {
		return File{}, err
	}
	faults := unsafeKeys(in, given)
	for _, fault := range invalidKeys(in, given) {
		if !slices.ContainsFunc(faults, fault.sameKey) {
			faults = append(faults, fault)
		}
	}
	if len(faults) == 0 { // the checks for contradictions rely on the types in the schema
		faults = contradictions(in, given)
	}
	if len(faults) > 0 {
		return File{}, errorsOf(text, faults)
	}
	file := File{
		SetsGatewayID:  setsGatewayID(given),
		DefaultKeyPath: in.Release.EncryptsCredentials && !setsKeyPath(given),
		audiences:      audiences(in, given),
		kept:           NewKept(in.Namespace),
	}
	if in.Release.Sideload {
		file.appArmorProfile = in.AppArmorProfile
	}
	if file.sideloadMethod = sideloadMethod(given); file.sideloadMethod != "" {
		file.kept.SideloadMethod = file.sideloadMethod
	}
	file.UnusedTables = removeUnused(given)
	merged := merge(merge(defaultsFor(in, given), given), managedKeys(in))
	file.OpenDefault = admitsWithoutToken(in.Release, merged)
	file.text, err = encode(text, merged)
	return file, err
}
