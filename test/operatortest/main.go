package operatortest

import (
	"fmt"
	"os"
	"testing"
)

// Main runs the tests of a suite, for its TestMain: run sets the suite up, runs the tests and cleans up. The name begins the message of
// an error.
func Main(name string, m *testing.M, run func(*testing.M) (int, error)) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		code = 1
	}
	os.Exit(code)
}
