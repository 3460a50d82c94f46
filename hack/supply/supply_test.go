// Package supply tests the checks of what is shipped: each must be able to fail.
package supply

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a check and returns how it ended and what it said.
func run(t *testing.T, env []string, name string, args ...string) (status int, output string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	said, err := cmd.CombinedOutput()
	exit := new(exec.ExitError)
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(said)
}

func TestVulncheck(t *testing.T) {
	made, err := filepath.Abs("testdata/vulndb")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env    []string
		status int
		says   string
	}{
		"finds a vulnerability of a function that is called": {[]string{"DB=file://" + made}, 3, "calls.main calls strings.Repeat"},
		"fails without the database that it is given":        {[]string{"DB=file://" + made + "/missing"}, 1, "no such file"},
		"says that it is skipped where it reaches no database": {
			[]string{"DB=", "HTTPS_PROXY=http://127.0.0.1:1", "GOPROXY=off"}, 0, "SKIPPED: NOTHING WAS CHECKED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := run(t, test.env, "./vulncheck", "-C", "hack/supply/testdata/calls", ".")
			if status != test.status || !strings.Contains(output, test.says) {
				t.Errorf("ended with %d, want %d with %q; it said:\n%s", status, test.status, test.says, output)
			}
		})
	}
}

func TestLicencesFailWithoutOne(t *testing.T) {
	// Above it is the project's licence, which would count for it.
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/unlicensed")); err != nil {
		t.Fatal(err)
	}
	status, output := run(t, nil, "./licences", dir)
	if status == 0 || !strings.Contains(output, "example.com/unlicensed") {
		t.Errorf("ended with %d; it said:\n%s", status, output)
	}
}
