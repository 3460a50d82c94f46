package plugin

import (
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// Style is how text looks: with colours or plain.
type Style bool

// Styles.
const (
	Plain   Style = false
	Colours Style = true
)

// Colours of words, as terminals number them.
const (
	red    = 31
	green  = 32
	yellow = 33
	bold   = 1
	dim    = 2
)

func (s Style) paint(colour int, text string) string {
	if s == Plain || text == "" {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, text)
}

// WriteAs writes a value as json or yaml.
func WriteAs(out io.Writer, format string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	switch {
	case err != nil:
		return err
	case format == "json":
		text = append(text, '\n')
	case format == "yaml":
		if text, err = yaml.JSONToYAML(text); err != nil {
			return err
		}
	default:
		return fmt.Errorf("--output=%s: it can be json or yaml", format)
	}
	_, err = out.Write(text)
	return err
}
