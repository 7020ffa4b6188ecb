package main

// readingCases are messages that two readers read differently.
func readingCases() []testCase {
	return nil
}
