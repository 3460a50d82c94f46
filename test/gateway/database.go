package gateway

import (
	"fmt"
	"slices"
)

// Migration is a step that a gateway takes in its database.
type Migration struct {
	Version     int
	Since       Release // the first release that knows it
	Description string
	SQL         string
}

// migrations are in their order. A release 0.1.N may have more than are known here; like the one with the version 7, they
// would keep every release 0.0.N from starting.
var migrations = []Migration{
	{1, 0, "create objects", `CREATE TABLE objects (id TEXT PRIMARY KEY, object_type TEXT NOT NULL, name TEXT, payload BLOB NOT NULL);
		CREATE UNIQUE INDEX objects_name_uq ON objects (object_type, name)`},
	{4, 0, "add object metadata", `ALTER TABLE objects ADD COLUMN labels TEXT`},
	{5, 0, "add resource version", `ALTER TABLE objects ADD COLUMN resource_version INTEGER NOT NULL DEFAULT 1`},
	{6, firstMigrating, "add workspace column", `ALTER TABLE objects ADD COLUMN workspace TEXT NOT NULL DEFAULT ''; DROP INDEX objects_name_uq;
		CREATE UNIQUE INDEX objects_name_uq ON objects (object_type, workspace, name)`},
	{7, firstSchema2, "remove inference routes", `DELETE FROM objects WHERE object_type = 'inference_route'`},
}

// Migrations returns the migrations that a release knows, in their order.
func Migrations(r Release) []Migration {
	return slices.DeleteFunc(slices.Clone(migrations), func(m Migration) bool { return r < m.Since })
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
	return slices.DeleteFunc(known, func(m Migration) bool { return slices.Contains(applied, m.Version) }), nil
}
