package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const keyLength = 32

// KeyPath returns the path of the file with the key-encryption key, or "" if the release has none or the key comes from
// the environment or an external driver.
func (c *Config) KeyPath(r Release, home string) string {
	g := c.OpenShell.Gateway
	if _, fromEnvironment := g.CredentialStorage["key_encryption_key_env"]; fromEnvironment || !r.Encrypts() || g.CredentialDrivers != nil {
		return ""
	}
	if path, ok := g.CredentialStorage["key_encryption_key_path"].(string); ok {
		return path
	}
	return filepath.Join(home, ".local/state/openshell/gateway/credentials/key-encryption-key.bin")
}

// Key returns the key-encryption key, and creates it if its file does not exist. It returns nil if the release has none.
func (c *Config) Key(r Release, getenv func(string) string) ([]byte, error) {
	g := c.OpenShell.Gateway
	if name, ok := g.CredentialStorage["key_encryption_key_env"].(string); ok && r.Encrypts() && g.CredentialDrivers == nil {
		return keyFromEnvironment(name, getenv(name))
	}
	path := c.KeyPath(r, getenv("HOME"))
	if path == "" {
		return nil, nil
	}
	return loadKey(path)
}

func keyFromEnvironment(name, value string) ([]byte, error) {
	if value == "" {
		return nil, fmt.Errorf("configuration error: the variable %s of the key-encryption key is not set", name)
	}
	key, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(key) != keyLength {
		return nil, errors.New("configuration error: the key of key_encryption_key_env does not have 32 bytes")
	}
	return key, nil
}

// loadKey reads a key, or creates it. Only in the latter case is the access to its directory restricted.
func loadKey(path string) ([]byte, error) {
	const what = "default credential storage key-encryption key"
	key, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, fmt.Errorf("configuration error: failed to restrict %s '%s': failed to set permissions on %s", what, path, path)
		}
		if len(key) != keyLength {
			return nil, fmt.Errorf("configuration error: the key-encryption key %s does not have 32 bytes", path)
		}
		return key, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("configuration error: failed to read %s '%s': %w", what, path, osError(err))
	}
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o777); err != nil {
		return nil, fmt.Errorf("configuration error: failed to prepare %s directory '%s': failed to create %s", what, path, directory)
	}
	if err := os.Chmod(directory, 0o700); err != nil {
		return nil, ErrKeyDirectory(path)
	}
	key = make([]byte, keyLength)
	_, _ = rand.Read(key) // never fails
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("configuration error: failed to create %s '%s': %w", what, path, osError(err))
	}
	return key, nil
}

// ErrKeyDirectory returns the error of a gateway that may not restrict the access to the directory of its key. That is so
// if the key is directly in a volume whose root belongs to another user.
func ErrKeyDirectory(path string) error {
	return fmt.Errorf("configuration error: failed to prepare default credential storage key-encryption key directory '%s': "+
		"failed to set permissions on %s", path, filepath.Dir(path))
}
