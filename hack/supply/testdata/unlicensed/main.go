// Command unlicensed has no licence.
package main

func main() {}
