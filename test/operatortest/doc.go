// Package operatortest starts an operator under test on a control plane, and waits for and reads what it does there. It is
// shared by the suites and tools in test/.
package operatortest
