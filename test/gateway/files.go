package gateway

import (
	"errors"
	"fmt"
	"io/fs"
)

// Files gives access to the files that are mounted into the gateway's container.
type Files interface {
	// Read reads a file, as os.ReadFile does.
	Read(path string) ([]byte, error)
	// ReadRegular does the same, but follows no symbolic link. It returns a NotRegularError for what is not a regular file.
	ReadRegular(path string) ([]byte, error)
}

// ReadFile reads a file that is mounted into the gateway's container, as os.ReadFile does.
type ReadFile func(path string) ([]byte, error)

// Kind is what is found in place of a regular file.
type Kind string

// The kinds that a gateway distinguishes.
const (
	Symlink   Kind = "symlink"
	Directory Kind = "directory"
	Irregular Kind = "non-regular"
)

// NotRegularError is the error of a gateway whose gateway.toml is not a regular file.
type NotRegularError struct {
	Path string
	Kind Kind
}

func (e *NotRegularError) Error() string {
	return fmt.Sprintf("gateway config path '%s' is not a regular file (%s)", e.Path, e.Kind)
}

// readConfig reads a gateway.toml.
func readConfig(r Release, name string, files Files) ([]byte, error) {
	read := files.Read
	if r.ReadsSchema2() {
		read = files.ReadRegular
	}
	text, err := read(name)
	if errors.As(err, new(*NotRegularError)) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("failed to read gateway config file '%s': %w", name, osError(err))
	}
	return text, nil
}

// osError replaces the text of a Go error by that of the operating system, which a gateway reports.
func osError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("No such file or directory (os error 2)") //nolint:staticcheck // not Go's text
	case errors.Is(err, fs.ErrPermission):
		return errors.New("Permission denied (os error 13)") //nolint:staticcheck // not Go's text
	}
	return err
}
