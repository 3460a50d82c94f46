package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// category is why a preflight fails.
type category string

const (
	nonRegularPath     category = "non_regular_path"
	missingPath        category = "missing_path"
	unreadablePath     category = "unreadable_path"
	missingVersion     category = "missing_version"
	legacyVersion      category = "legacy_schema_v1"
	futureVersion      category = "future_version"
	unsupportedVersion category = "unsupported_version"
	malformed          category = "malformed"
)

// ErrUsage is the error of a gateway's program with arguments that it does not know. It exits with the code 2.
var ErrUsage = errors.New("unexpected argument")

// IsPreflight reports whether arguments of a gateway's program are those of a preflight.
func IsPreflight(args []string) bool {
	return len(args) >= 2 && args[0] == "config" && args[1] == "preflight"
}

// ConfigPath returns the path that --config has in the arguments of a gateway, or an empty string.
func ConfigPath(args []string) string { return valueOf("--config", args) }

func valueOf(flag string, args []string) string {
	for i, argument := range args {
		if value, ok := strings.CutPrefix(argument, flag+"="); ok {
			return value
		}
		if argument == flag && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// RunPreflight does what a gateway's program does with the arguments of a preflight: it checks the gateway.toml of --path, or the
// one of the gateway's own arguments after --, or the one of the environment. It reads no other file and connects to nothing. The
// environment's other variables, which a real one takes into account, are ignored.
func RunPreflight(r Release, args []string, getenv func(string) string, files Files) error {
	if !r.ReadsSchema2() || !IsPreflight(args) {
		return fmt.Errorf("%w '%s'", ErrUsage, strings.Join(args, " "))
	}
	own, daemon := args[2:], []string(nil)
	if i := slices.Index(own, "--"); i >= 0 {
		own, daemon = own[:i], own[i+1:]
	}
	name := valueOf("--path", own)
	known := len(own) == 0 || len(own) == 1 && strings.HasPrefix(own[0], "--path=") || len(own) == 2 && own[0] == "--path"
	switch {
	case !known || name != "" && daemon != nil:
		return fmt.Errorf("%w '%s'", ErrUsage, strings.Join(args, " "))
	case name == "" && daemon != nil:
		name = ConfigPath(daemon)
	}
	if name == "" {
		name = getenv("OPENSHELL_GATEWAY_CONFIG")
	}
	return preflight(r, name, files)
}

// preflight checks a gateway.toml as far as that is possible without other files. Its error names a category and never shows
// what is in the file. It is inferred that settings that contradict each other are malformed, too.
func preflight(r Release, name string, files Files) error {
	fail := func(why category, version string) error {
		return fmt.Errorf("gateway config preflight failed: path='%s' category=%s detected_version=%s; the file was preserved unchanged; "+
			"correct it for version %d before the gateway starts", name, why, version, requiredVersion)
	}
	const unknown = "unknown"
	text, err := files.ReadRegular(name)
	switch {
	case errors.As(err, new(*NotRegularError)):
		return fail(nonRegularPath, unknown)
	case errors.Is(err, fs.ErrNotExist):
		return fail(missingPath, unknown)
	case err != nil:
		return fail(unreadablePath, unknown)
	}
	raw := map[string]any{}
	if err := toml.Unmarshal(text, &raw); err != nil {
		return fail(malformed, unknown)
	}
	openshell, isTable := raw["openshell"].(map[string]any)
	version, given := openshell["version"]
	number, isInteger := version.(int64)
	switch detected := fmt.Sprint(version); {
	case raw["openshell"] != nil && !isTable, given && !isInteger:
		return fail(malformed, unknown)
	case !given:
		return fail(missingVersion, "none")
	case number == 1:
		return fail(legacyVersion, detected)
	case number > requiredVersion:
		return fail(futureVersion, detected)
	case number < requiredVersion:
		return fail(unsupportedVersion, detected)
	}
	if _, err := Parse(r, name, text); err != nil {
		return fail(malformed, fmt.Sprint(number))
	}
	return nil
}
