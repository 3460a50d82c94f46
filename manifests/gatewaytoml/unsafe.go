package gatewaytoml

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// unsafeKeys finds the keys of credential drivers by which a text would make the gateway start a program in its container, or
// send a file of its container to an address that the text names. They are rejected in tables of drivers that are not
// selected, too, and at any depth.
func unsafeKeys(_ Input, given table) []fault {
	var faults []fault
	drivers := tableAt(given, "openshell", "credential_drivers")
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		faults = append(faults, unsafeKeysIn(drivers[name], []string{"openshell", "credential_drivers", name})...)
	}
	return faults
}

func unsafeKeysIn(value any, within []string) []fault {
	var faults []fault
	switch value := value.(type) {
	case table:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			at := append(slices.Clip(within), key)
			if key == "command" || key == "args" {
				faults = append(faults, faultf(at, "cannot be set: the gateway would run that program in its own container; remove it, and run the driver by itself "+
					`and name its socket in socket_path with transport = "uds", or ask the platform team`))
				continue
			}
			if file, is := value[key].(string); is && sendsFile(key, file) {
				faults = append(faults, faultf(at, "must be below "+VolumePath+": the driver sends the file's content to the address in its table, and other files "+
					"of the gateway's container, such as its token keys, must not leave it; remove it, or correct the path"))
				continue
			}
			faults = append(faults, unsafeKeysIn(value[key], at)...)
		}
	case []any:
		for i, item := range value {
			faults = append(faults, unsafeKeysIn(item, append(slices.Clip(within), strconv.Itoa(i)))...)
		}
	}
	return faults
}

// sendsFile reports whether a key makes a credential driver send a file that it must not send. The driver vault presents the
// content of these files as its token; by default, that of the gateway's own ServiceAccount.
func sendsFile(key, file string) bool {
	const ownToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path
	file = path.Clean(file)
	switch key {
	case "token_path":
		return !strings.HasPrefix(file, VolumePath+"/")
	case "service_account_token_path":
		return !strings.HasPrefix(file, VolumePath+"/") && file != ownToken
	}
	return false
}
