package main

// encodingCases are uuencode, yEnc, BinHex and TNEF.
func encodingCases() []testCase {
	return nil
}
