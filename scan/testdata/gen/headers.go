package main

// headerCases are odd header fields.
func headerCases() []testCase {
	return nil
}
