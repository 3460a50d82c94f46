package gatewaytoml

import (
	"maps"
	"slices"
)

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
