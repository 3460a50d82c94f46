// Command calls calls the function in which the test's database has a vulnerability.
package main

import "strings"

func main() { println(strings.Repeat("-", 3)) }
