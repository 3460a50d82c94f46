package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the project's directory, from this package.
const root = "../.."

// tested marks a block of commands that the test runs.
const tested = "sh tested"

// page is a Markdown file with the blocks of commands that the test runs.
type page struct {
	path   string // from the project's root
	blocks []block
}

// block is a block of commands, with the line on which the commands begin.
type block struct {
	line int
	text string
}

// readPages reads README.md and all of docs.
func readPages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".md" {
			path, err = filepath.Rel(root, path)
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var pages []page
	for _, path := range paths {
		source, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := testedBlocks(string(source))
		if err != nil {
			t.Fatalf("%s:%v", path, err)
		}
		pages = append(pages, page{path, blocks})
	}
	return pages
}

// testedBlocks returns the blocks of commands in a page that are marked as tested. A block in a list is indented, and its
// commands are returned without the indentation. A fence or a comment with the mark in another form is an error.
func testedBlocks(source string) (blocks []block, err error) {
	lines := slices.Collect(strings.Lines(source))
	for i := 0; i < len(lines); i++ {
		begin := strings.TrimSpace(lines[i])
		indent := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " "))]
		info := strings.TrimLeft(begin, "`")
		end := begin[:len(begin)-len(info)] // a longer fence may have shorter ones in it
		if comment, is := strings.CutPrefix(begin, "<!--"); is && strings.Contains(begin, tested) {
			info, end = strings.TrimPrefix(comment, " "), "-->"
		} else if len(end) < 3 {
			continue
		}
		if info != tested && strings.Contains(info, tested) {
			return nil, fmt.Errorf("%d: %q is not the mark %q", i+1, info, tested)
		}
		b := block{line: i + 2}
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != end; i++ {
			b.text += strings.TrimPrefix(lines[i], indent)
		}
		if i == len(lines) {
			return nil, fmt.Errorf("%d: the block has no end", b.line-1)
		}
		if info == tested {
			blocks = append(blocks, b)
		}
	}
	return blocks, nil
}

func TestTestedBlocks(t *testing.T) {
	blocks, err := testedBlocks("A block begins with `sh tested`.\n1. In a list:\n   ```sh tested\n   if true; then\n     echo 1\n   fi\n   ```\n\n```sh\necho no\n```\n\n````md\n```sh tested\necho no\n```\n````\n" +
		"<!-- sh tested\necho 2\n-->\nText.\n\n- In a list:\n\n  <!-- sh tested\n  echo 3\n  -->\n")
	want := []block{{4, "if true; then\n  echo 1\nfi\n"}, {19, "echo 2\n"}, {26, "echo 3\n"}}
	if err != nil || !slices.Equal(blocks, want) {
		t.Errorf("blocks are %v, %v; want %v", blocks, err, want)
	}
	for _, source := range []string{"```sh tested\necho 1\n", "```bash, sh tested\necho 1\n```\n", "<!-- sh  tested, sh tested\necho 1\n-->\n"} {
		t.Run(source, func(t *testing.T) {
			if blocks, err := testedBlocks(source); err == nil {
				t.Errorf("blocks are %v, want an error", blocks)
			}
		})
	}
}
