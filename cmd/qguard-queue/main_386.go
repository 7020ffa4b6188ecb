// make build-386 links the crypto module v1.0.0: the newer one has a variable
// of 32 MB, which counts against softlimit -m. With that module Go turns FIPS
// mode on, and its self-tests at every start, unless told otherwise.

//go:debug fips140=off
package main
