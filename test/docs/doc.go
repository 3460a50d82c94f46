// Package docs tests that the commands in README.md and docs do what the pages say.
//
// A block of commands that can run on the cluster of the tests has the info string "sh tested". What a reader's cluster
// has and the tests' has not is made by an HTML comment that begins "<!-- sh tested", which no reader sees.
package docs
