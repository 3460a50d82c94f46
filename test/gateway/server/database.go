package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha512"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// store is the database of a gateway, with the values that clients keep in it.
type store struct {
	db  *sql.DB
	key []byte // encrypts the values; nil for releases that do not
}

// openStore opens or creates the database of a URL sqlite:PATH, and migrates it.
func openStore(ctx context.Context, o options) (*store, error) {
	path, ok := strings.CutPrefix(o.database, "sqlite:")
	if !ok {
		return nil, fmt.Errorf("execution error: unsupported database URL %s", o.database)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	s := &store{db: db}
	if err := errors.Join(s.migrate(ctx, o.release), os.Chmod(path, 0o600)); err != nil {
		return nil, fmt.Errorf("execution error: %w", err)
	}
	return s, nil
}

// migrate takes the steps that the release knows and the database has not yet taken.
func (s *store) migrate(ctx context.Context, release gateway.Release) error {
	_, err := s.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
		installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)`)
	if err != nil {
		return fmt.Errorf("database error: %w", err)
	}
	applied, err := s.applied(ctx)
	if err != nil {
		return fmt.Errorf("database error: %w", err)
	}
	pending, err := gateway.Pending(release, applied)
	if err != nil {
		return err
	}
	for _, m := range pending {
		if err := s.apply(ctx, m); err != nil {
			return fmt.Errorf("migration error: while executing migration %d: %w", m.Version, err)
		}
	}
	return nil
}

// apply takes one step, or none of it.
func (s *store) apply(ctx context.Context, m gateway.Migration) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if _, err := tx.ExecContext(ctx, m.SQL); err != nil {
		return err
	}
	sum := sha512.Sum384([]byte(m.SQL))
	_, err = tx.ExecContext(ctx, `INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (?, ?, TRUE, ?, 0)`,
		m.Version, m.Description, sum[:])
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (s *store) applied(ctx context.Context) ([]int, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT version FROM _sqlx_migrations ORDER BY version`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	versions := []int{}
	for rows.Next() {
		var version int
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		versions = append(versions, version)
	}
	return versions, rows.Err()
}

const (
	plain     = "plain"
	encrypted = "encrypted"
)

// put stores a value under a name, encrypted if the release encrypts.
func (s *store) put(ctx context.Context, name string, value []byte) error {
	kind := plain
	if s.key != nil {
		aead, err := newAEAD(s.key)
		if err != nil {
			return err
		}
		nonce := make([]byte, aead.NonceSize())
		_, _ = rand.Read(nonce) // never fails
		kind, value = encrypted, aead.Seal(nonce, nonce, value, []byte(name))
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO objects (id, object_type, name, payload, labels) VALUES (?1, 'value', ?1, ?2, ?3)
		ON CONFLICT (id) DO UPDATE SET payload = ?2, labels = ?3`, name, value, kind)
	return err
}

// get returns the value that is stored under a name. It fails if the value was encrypted with another key.
func (s *store) get(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	var kind string
	if err := s.db.QueryRowContext(ctx, `SELECT payload, labels FROM objects WHERE id = ?`, name).Scan(&value, &kind); err != nil {
		return nil, err
	}
	if kind == plain {
		return value, nil
	}
	aead, err := newAEAD(s.key)
	if err != nil {
		return nil, err
	}
	size := aead.NonceSize()
	if len(value) < size {
		return nil, errors.New("the stored value is truncated")
	}
	value, err = aead.Open(nil, value[:size], value[size:], []byte(name))
	if err != nil {
		return nil, errors.New("default credential storage object was encrypted with a different key-encryption key")
	}
	return value, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
