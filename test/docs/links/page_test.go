package links

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// root is the project's, from this package.
const root = "../../.."

// page holds the headings and links of a Markdown file.
type page struct {
	path    string // from the project's root
	anchors []string
	links   []link
}

// link is the target of a link, with the line of the block that has it.
type link struct {
	line   int
	target string
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
		pages = append(pages, parse(path, source))
	}
	return pages
}

func parse(path string, source []byte) page {
	p := page{path: path}
	document := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	line := 1 // of the block that is being walked: text within it knows no line of its own
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if node.Type() == ast.TypeBlock && node.Lines().Len() > 0 {
			line = 1 + bytes.Count(source[:node.Lines().At(0).Start], []byte("\n"))
		}
		switch node := node.(type) {
		case *ast.Heading:
			p.anchors = append(p.anchors, anchor(plain(node, source), p.anchors))
		case *ast.Link:
			p.links = append(p.links, link{line, string(node.Destination)})
		case *ast.Image:
			p.links = append(p.links, link{line, string(node.Destination)})
		}
		return ast.WalkContinue, nil
	})
	return p
}

// plain is the text of a heading as readers see it.
func plain(node ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(node, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if part, is := node.(*ast.Text); is && entering {
			b.Write(part.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// anchor is what GitHub makes of a heading; earlier are the anchors before it in the page.
func anchor(heading string, earlier []string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
	unique := name
	for n := 1; slices.Contains(earlier, unique); n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	return unique
}
