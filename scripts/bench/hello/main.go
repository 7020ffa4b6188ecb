// Command hello is what every Go process costs: the unit of the ratios.
package main

import "fmt"

func main() { fmt.Println("hello") }
