package gateway

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

const requiredVersion = 2

// decode2 reads version 2 of gateway.toml. A gateway parses the whole file before it looks at the version, so a file of
// version 1 fails because of its first key that version 2 does not have.
func (c *Config) decode2(r Release, name string, text []byte) error {
	raw := map[string]any{}
	err := toml.Unmarshal(text, &raw)
	if err == nil {
		err = file2.accepts(r, raw)
	}
	if err == nil {
		err = toml.Unmarshal(text, c)
	}
	if err != nil {
		return fmt.Errorf("failed to parse gateway config file '%s': %w", name, err)
	}
	openshell, _ := raw["openshell"].(map[string]any)
	version, given := openshell["version"]
	switch {
	case !given:
		return fmt.Errorf("gateway config schema version is required; add version = %d to the table openshell", requiredVersion)
	case version != int64(requiredVersion):
		return fmt.Errorf("unsupported gateway config version %v; this build requires version %d; the file is not converted", version, requiredVersion)
	case c.OpenShell.Gateway.DatabaseURL != nil:
		return errors.New("`database_url` is not allowed in the gateway config file")
	}
	return c.selectDriver2(r)
}

// selectDriver2 checks and reads the table of the kubernetes driver, which takes over no keys of openshell.gateway. The tables of
// other drivers must be tables.
func (c *Config) selectDriver2(r Release) error {
	drivers := c.OpenShell.Drivers
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		if _, ok := drivers[name].(map[string]any); !ok {
			return fmt.Errorf("invalid gateway config field `openshell.drivers.%s`: expected a TOML table", name)
		}
	}
	given, _ := drivers["kubernetes"].(map[string]any)
	return c.decodeDriver(r, kubernetesTable2, asTable(given))
}

// NewestFor returns the newest described release that reads the version of a gateway.toml. It is a guess at the release of an
// image whose tag names none.
func NewestFor(text []byte) Release {
	var head struct {
		OpenShell struct {
			Version int `toml:"version"`
		} `toml:"openshell"`
	}
	if err := toml.Unmarshal(text, &head); err != nil || head.OpenShell.Version != requiredVersion {
		return NewestSchema1
	}
	return Newest
}
