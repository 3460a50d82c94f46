package gateway

import (
	"fmt"
	"slices"
)

// Migration is a step that a gateway takes in its database.
type Migration struct {
	Version     int
	Description string
	SQL         string
}

var migrations = []Migration{
	{1, "create objects", `CREATE TABLE objects (id TEXT PRIMARY KEY, object_type TEXT NOT NULL, name TEXT, payload BLOB NOT NULL);
		CREATE UNIQUE INDEX objects_name_uq ON objects (object_type, name)`},
	{4, "add object metadata", `ALTER TABLE objects ADD COLUMN labels TEXT`},
	{5, "add resource version", `ALTER TABLE objects ADD COLUMN resource_version INTEGER NOT NULL DEFAULT 1`},
	{6, "add workspace column", `ALTER TABLE objects ADD COLUMN workspace TEXT NOT NULL DEFAULT ''; DROP INDEX objects_name_uq;
		CREATE UNIQUE INDEX objects_name_uq ON objects (object_type, workspace, name)`},
}

// Migrations returns the migrations that a release knows, in their order.
func Migrations(r Release) []Migration {
	if r.Migrates() {
		return migrations
	}
	return migrations[:len(migrations)-1]
}

// Pending returns the migrations that a gateway of this release has yet to run on a database with these versions. It
// returns an error if the database has one that the release does not know.
func Pending(r Release, applied []int) ([]Migration, error) {
	known := Migrations(r)
	for _, version := range applied {
		if !slices.ContainsFunc(known, func(m Migration) bool { return m.Version == version }) {
			return nil, fmt.Errorf("migration error: migration %d was previously applied but is missing in the resolved migrations", version)
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(m Migration) bool { return slices.Contains(applied, m.Version) }), nil
}
