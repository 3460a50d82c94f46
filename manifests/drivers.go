package manifests

import (
	"maps"
	"slices"
	"strconv"
)

// commands finds the keys by which a text would make the gateway start a program in its container: it starts a credential
// driver that has a command. They are rejected in tables of drivers that are not selected, too, and at any depth.
func commands(given table) []fault {
	var faults []fault
	drivers := tableAt(given, "openshell", "credential_drivers")
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		faults = append(faults, commandsIn(drivers[name], []string{"openshell", "credential_drivers", name})...)
	}
	return faults
}

func commandsIn(value any, path []string) []fault {
	var faults []fault
	switch value := value.(type) {
	case table:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			at := append(slices.Clip(path), key)
			if key == "command" || key == "args" {
				faults = append(faults, fault{at, func() string {
					return "cannot be set: the gateway would run that program in its own container; remove it, and run the driver by itself " +
						`and name its socket in socket_path with transport = "uds", or ask the platform team`
				}})
				continue
			}
			faults = append(faults, commandsIn(value[key], at)...)
		}
	case []any:
		for i, item := range value {
			faults = append(faults, commandsIn(item, append(slices.Clip(path), strconv.Itoa(i)))...)
		}
	}
	return faults
}
