package main

// volumeCases are old archives and disk images.
func volumeCases() []testCase {
	return nil
}
