package decide

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// base builds a database: network -> country, "" = a record without one.
func base(t testing.TB, version int, networks map[string]string) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "Test-Country", RecordSize: 24, IPVersion: version, IncludeReservedNetworks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for network, code := range networks {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		record := mmdbtype.Map{"asn": mmdbtype.Uint32(64500)}
		if code != "" {
			record["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(code)}
		}
		if err := tree.Insert(n, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var britain = map[string]string{
	"192.0.2.0/24": "GB", "198.51.100.0/24": "", "203.0.113.0/24": "gbx", "2001:db8::/32": "IE", "10.0.0.0/8": "GB",
}

// put replaces a file as an updater does.
func put(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func country(t *testing.T, c *Countries, addr, want string) {
	t.Helper()
	if got, err := c.Country(netip.MustParseAddr(addr)); err != nil || got != want {
		t.Errorf("%s: %s, %v, want %s", addr, got, err, want)
	}
}

func TestCountry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.mmdb")
	put(t, path, base(t, 6, britain))
	c := NewCountries(path)
	if err := c.Refresh(); err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{
		"192.0.2.1": "GB", "::ffff:192.0.2.1": "GB", "198.51.100.1": "ZZ", "203.0.113.1": "ZZ", "2001:db8::1": "IE",
		"2001:db8::1%eth0": "IE", "8.8.8.8": "ZZ", "10.0.0.1": "ZZ", "127.0.0.1": "ZZ", "::": "ZZ", "fe80::1%eth0": "ZZ",
		"fd00::1": "ZZ", "224.0.0.1": "ZZ", "0.0.0.0": "ZZ",
	} {
		country(t, c, addr, want)
	}
	if got, err := c.Country(netip.Addr{}); got != "ZZ" || err != nil {
		t.Error(got, err)
	}

	put(t, path, base(t, 4, map[string]string{"192.0.2.0/24": "FR"}))
	if err := c.Refresh(); err != nil {
		t.Fatal(err)
	}
	country(t, c, "192.0.2.1", "FR")
	country(t, c, "2001:db8::1", "ZZ")
}

// What is bad changes nothing and is told once; what is good again is taken.
func TestRefresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.mmdb")
	c := NewCountries(path)
	if err := c.Refresh(); err == nil {
		t.Fatal("no file is no error")
	}
	if err := c.Refresh(); err != nil {
		t.Error("told twice:", err)
	}
	if _, err := c.Country(netip.MustParseAddr("192.0.2.1")); err == nil {
		t.Error("a country without a database")
	}
	good := base(t, 6, britain)
	put(t, path, good)
	if err := c.Refresh(); err != nil {
		t.Fatal(err)
	}
	if was := c.base.Load(); c.Refresh() != nil || c.base.Load() != was {
		t.Error("read again without need")
	}
	torn := bytes.Clone(good)
	clear(torn[:100])
	for name, bad := range map[string][]byte{
		"empty":             nil,
		"text":              []byte("<html>license key is not valid</html>"),
		"cut":               good[:len(good)/2],
		"without its start": good[50:],
		"zeros":             torn,
		"of no countries":   base(t, 6, map[string]string{"192.0.2.0/24": "", "10.0.0.0/8": ""}),
	} {
		put(t, path, bad)
		if err := c.Refresh(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.Refresh(); err != nil {
			t.Errorf("%s: told twice: %v", name, err)
		}
		country(t, c, "192.0.2.1", "GB")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(); err == nil {
		t.Error("nobody is told that the file is gone")
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_ = c.Refresh()
	country(t, c, "192.0.2.1", "GB")
	os.Remove(path)

	// Written over in place, same size: the time tells.
	put(t, path, good)
	if err := c.Refresh(); err != nil {
		t.Fatal(err)
	}
	other := base(t, 6, map[string]string{
		"192.0.2.0/24": "FR", "198.51.100.0/24": "", "203.0.113.0/24": "gbx", "2001:db8::/32": "IE", "10.0.0.0/8": "FR",
	})
	if len(other) != len(good) {
		t.Fatal("not the same size")
	}
	if err := os.WriteFile(path, other, 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	country(t, c, "192.0.2.1", "GB") // held, not mapped
	if err := c.Refresh(); err != nil {
		t.Fatal(err)
	}
	country(t, c, "192.0.2.1", "FR")
}

// The file is the administrator's, but it may be damaged.
func FuzzLoad(f *testing.F) {
	f.Add(base(f, 6, britain))
	f.Add(base(f, 4, map[string]string{"192.0.2.0/24": "FR"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c := NewCountries(path)
		_ = c.Refresh()
		for _, a := range []string{"192.0.2.1", "2001:db8::1"} {
			if code, _ := c.Country(netip.MustParseAddr(a)); len(code) != 2 {
				t.Errorf("%q", code)
			}
		}
	})
}

func BenchmarkCountry(b *testing.B) {
	path := filepath.Join(b.TempDir(), "c.mmdb")
	if err := os.WriteFile(path, base(b, 6, britain), 0o600); err != nil {
		b.Fatal(err)
	}
	c := NewCountries(path)
	if err := c.Refresh(); err != nil {
		b.Fatal(err)
	}
	a := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		c.Country(a)
	}
}
