package main

// pageCases are PDF and RTF.
func pageCases() []testCase {
	return nil
}
