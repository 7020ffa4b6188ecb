package main

// officeCases are office documents.
func officeCases() []testCase {
	return nil
}
