package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/ambient-code/gatewaytenant-operator/test/gateway"
)

// osFiles are the files of the container. They implement gateway.Files.
type osFiles struct{}

// Read follows links.
func (osFiles) Read(path string) ([]byte, error) { return os.ReadFile(path) }

// ReadRegular looks at the path without following links, opens it without following links, and looks again at what it opened.
func (osFiles) ReadRegular(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err == nil {
		err = regular(path, info)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &gateway.NotRegularError{Path: path, Kind: gateway.Symlink}
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil {
		err = regular(path, info)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

func regular(path string, info fs.FileInfo) error {
	kind := gateway.Irregular
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = gateway.Directory
	case mode&fs.ModeSymlink != 0:
		kind = gateway.Symlink
	}
	return &gateway.NotRegularError{Path: path, Kind: kind}
}
