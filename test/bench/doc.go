// Command bench measures the operator against the floor of what its API server can do, in one run on one machine, and
// holds the figures against limits. How it measures, and what came out, is in docs/performance.md.
package main
