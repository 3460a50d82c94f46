// Package links tests that the links in README.md and docs lead somewhere. It is a module of its own because only this test
// needs a Markdown parser.
package links
