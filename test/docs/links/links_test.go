package links

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLinksLeadSomewhere looks after links within the project: to files, to directories and to headings.
func TestLinksLeadSomewhere(t *testing.T) {
	pages := readPages(t)
	linked := map[string]bool{"README.md": true}
	for _, p := range pages {
		for _, link := range p.links {
			to, err := url.Parse(link.target)
			if err != nil || to.IsAbs() { // what is elsewhere cannot be looked after from here
				continue
			}
			target := p.path
			if to.Path != "" {
				target = filepath.Join(filepath.Dir(p.path), to.Path)
			}
			linked[target] = true
			if why := broken(pages, target, to.Fragment); why != "" {
				t.Errorf("%s:%d: the link %s leads nowhere: %s", p.path, link.line, link.target, why)
			}
		}
	}
	for _, p := range pages {
		if !linked[p.path] {
			t.Errorf("%s: no page links to it: name it in README.md", p.path)
		}
	}
}

// broken says why a link to a fragment of a path within the project leads nowhere; nothing, if it does.
func broken(pages []page, path, fragment string) string {
	if path == ".." || strings.HasPrefix(path, "../") {
		return "it is outside of the project"
	}
	if _, err := os.Stat(filepath.Join(root, path)); err != nil {
		return err.Error()
	}
	if fragment == "" {
		return ""
	}
	i := slices.IndexFunc(pages, func(p page) bool { return p.path == path })
	if i < 0 {
		return "headings are only looked for in README.md and docs"
	}
	if !slices.Contains(pages[i].anchors, fragment) {
		return path + " has only the headings " + strings.Join(pages[i].anchors, ", ")
	}
	return ""
}

func TestParse(t *testing.T) {
	p := parse("page.md", []byte("# A `b`, c/d\n\n## Same\n\n## Same\n\nSee [that](x.md#y)\nand [this](#z).\n\n```sh\n[no](link)\n```\n"))
	if want := []string{"a-b-cd", "same", "same-1"}; !slices.Equal(p.anchors, want) {
		t.Errorf("anchors are %q, want %q", p.anchors, want)
	}
	if want := []link{{7, "x.md#y"}, {7, "#z"}}; !slices.Equal(p.links, want) {
		t.Errorf("links are %v, want %v", p.links, want)
	}
}
