package qhpsi

import "runtime/debug"

// Version is the version the program was built from, "(unknown)" where the build
// did not say.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
