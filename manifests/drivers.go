package manifests

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
func unsafeKeys(given table) []fault {
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
				faults = append(faults, fault{at, func() string {
					return "cannot be set: the gateway would run that program in its own container; remove it, and run the driver by itself " +
						`and name its socket in socket_path with transport = "uds", or ask the platform team`
				}})
				continue
			}
			if file, is := value[key].(string); is && sendsFile(key, file) {
				faults = append(faults, fault{at, func() string {
					return "must be below " + volumePath + ": the driver sends the file's content to the address in its table, and other files " +
						"of the gateway's container, such as its token keys, must not leave it; remove it, or correct the path"
				}})
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
		return !strings.HasPrefix(file, volumePath+"/")
	case "service_account_token_path":
		return !strings.HasPrefix(file, volumePath+"/") && file != ownToken
	}
	return false
}

// removeUnused removes the tables of drivers that the gateway does not run, and returns their names. Gateways ignore most
// of them, but v0.0.71 does not start with a table of the drivers vm or docker that it does not understand.
func removeUnused(given table) []string {
	var unused []string
	remove := func(drivers table, within string, used func(name string) bool) {
		for _, name := range slices.Sorted(maps.Keys(drivers)) {
			if !used(name) {
				delete(drivers, name)
				unused = append(unused, within+"."+printableKey(name))
			}
		}
	}
	root := tableAt(given, "openshell")
	selected := credentialDrivers(given)
	credentials := tableAt(root, "credential_drivers")
	remove(credentials, "openshell.credential_drivers", func(name string) bool {
		_, used := slices.BinarySearch(selected, name)
		return used
	})
	if len(unused) > 0 && len(credentials) == 0 {
		delete(root, "credential_drivers")
	}
	remove(tableAt(root, "drivers"), "openshell.drivers", func(name string) bool { return name == "kubernetes" })
	return unused
}

// printableKey returns a key of TOML as it can be shown in a list: short, and in quotes if it has unusual characters.
func printableKey(key string) string {
	const most = 64
	if len(key) > most {
		key = strings.ToValidUTF8(key[:most], "") + "…"
	}
	if quoted := strconv.QuoteToGraphic(key); strings.ContainsAny(key, ". ") || quoted != `"`+key+`"` {
		return quoted
	}
	return key
}
