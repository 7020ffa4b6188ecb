package main

// webCases are HTML, SVG and the small files that start something.
func webCases() []testCase {
	return nil
}
