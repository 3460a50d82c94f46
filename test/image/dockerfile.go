package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// FromDockerfile describes the image that the last stage of a Dockerfile builds, without the content of its base image. The
// files that the Dockerfile copies from /out of an earlier stage are taken from the directory out. An instruction other
// than FROM, COPY, USER and ENTRYPOINT is an error, so an image is never silently different from the real one.
func FromDockerfile(file, out, reference string) (Image, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Image{}, err
	}
	image := Image{Reference: reference}
	for line := range strings.Lines(string(text)) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case instruction == "" || strings.HasPrefix(instruction, "#"):
		case instruction == "FROM":
			image = Image{Reference: reference}
			err = nil // Only the last stage matters.
		case err == nil:
			err = image.add(instruction, strings.TrimSpace(rest), out)
		}
	}
	if err == nil && (len(image.Files) == 0 || len(image.Entrypoint) == 0) {
		err = errors.New("the last stage copies no file or has no ENTRYPOINT")
	}
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w", file, err)
	}
	return image, nil
}

// add applies an instruction of a Dockerfile.
func (i *Image) add(instruction, rest, out string) error {
	switch instruction {
	case "USER":
		i.User = rest
	case "ENTRYPOINT":
		if err := json.Unmarshal([]byte(rest), &i.Entrypoint); err != nil {
			return fmt.Errorf("ENTRYPOINT %s: %w", rest, err)
		}
	case "COPY":
		fields := strings.Fields(rest)
		if len(fields) < 3 || !strings.HasPrefix(fields[0], "--from=") {
			return fmt.Errorf("COPY %s: only copies from an earlier stage are supported", rest)
		}
		sources, dir := fields[1:len(fields)-1], fields[len(fields)-1]
		for _, source := range sources {
			name, ok := strings.CutPrefix(source, "/out/")
			if !ok || !strings.HasSuffix(dir, "/") {
				return fmt.Errorf("COPY %s: only files in /out can be copied, into a directory", rest)
			}
			i.Files = append(i.Files, File{Path: path.Join(dir, path.Base(name)), Source: filepath.Join(out, name)})
		}
	default:
		return fmt.Errorf("the instruction %s is not supported", instruction)
	}
	return nil
}
