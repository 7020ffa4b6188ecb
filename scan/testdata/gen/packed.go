package main

// packedCases are archives that need a decompressor of their own.
func packedCases() []testCase {
	return nil
}
