package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// version is one build of the operator, with the configuration that installs it.
type version struct {
	name  string // from or present; also the tag of its image
	title string // for people
	root  string // of its source
	bin   string // directory of manager and certgen
}

// versions checks out and builds the earlier version, and builds the present one. The caller must call remove, also after an
// error: git keeps a record of the worktree of the earlier version.
func versions(ctx context.Context, dir, revision string) (from, present version, remove func() error, err error) {
	remove = func() error { return nil }
	root, err := output(ctx, ".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return from, present, remove, err
	}
	if revision == "" {
		if revision, err = output(ctx, root, "git", "describe", "--tags", "--abbrev=0"); err != nil {
			return from, present, remove, errors.New("HEAD contains no tag, so name the earlier version: make upgrade FROM=HEAD~1")
		}
	}
	commit, err := output(ctx, root, "git", "rev-parse", "--short", "--verify", revision+"^{commit}")
	if err != nil {
		return from, present, remove, fmt.Errorf("%q is no revision of this repository: %w", revision, err)
	}
	from = version{name: "from", title: fmt.Sprintf("%s (%s)", revision, commit), root: filepath.Join(dir, "from"), bin: filepath.Join(dir, "bin-from")}
	remove = func() error { // also after an interrupt
		_, err := output(context.WithoutCancel(ctx), root, "git", "worktree", "remove", "--force", from.root)
		return err
	}
	if _, err := output(ctx, root, "git", "worktree", "add", "--detach", from.root, commit); err != nil {
		return from, present, func() error { return nil }, err
	}
	described, err := output(ctx, root, "git", "describe", "--always", "--dirty")
	if err != nil {
		return from, present, remove, err
	}
	present = version{name: "present", title: fmt.Sprintf("the working tree (%s)", described), root: root, bin: filepath.Join(dir, "bin-present")}
	if err := from.build(ctx); err != nil {
		return from, present, remove, err
	}
	return from, present, remove, present.build(ctx)
}

func (v version) build(ctx context.Context) error {
	say("building manager and certgen of %s", v.title)
	if err := os.MkdirAll(v.bin, 0o700); err != nil {
		return err
	}
	_, err := output(ctx, v.root, "go", "build", "-buildvcs=false", "-o", v.bin+"/", "./cmd/manager", "./cmd/certgen")
	return err
}

// output runs a command in a directory and returns its standard output without the last newline.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"CGO_ENABLED=0"}, os.Environ()...) // unless the environment says otherwise
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
