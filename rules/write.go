package rules

import (
	"io"

	"github.com/BurntSushi/toml"
)

// Write writes the rules as TOML that Load reads back: every key, the defaults
// included.
func (c *Config) Write(w io.Writer) error {
	e := toml.NewEncoder(w)
	e.Indent = ""
	return e.Encode(c)
}
