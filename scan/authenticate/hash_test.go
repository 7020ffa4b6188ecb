package authenticate

import (
	"os"
	"strings"
	"testing"
)

type vector struct{ password, hash, maker string }

// vectors reads testdata/vectors, whose first lines say what it holds.
func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(field) != 3 {
			t.Fatalf("vector %q has %d fields", line, len(field))
		}
		all = append(all, vector{field[0], field[1], field[2]})
	}
	return all
}

// Other programs' hashes, bare.
func TestHashVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.hash, func(t *testing.T) {
			digest, err := decodeHash(v.hash)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := digest.MatchBytesAdvanced([]byte(v.password)); !ok || err != nil {
				t.Errorf("right password: got %v, %v", ok, err)
			}
			// Its beginning changed: bcrypt reads 72 bytes, as it does in C.
			wrong := "N" + v.password[1:]
			if ok, err := digest.MatchBytesAdvanced([]byte(wrong)); ok || err != nil {
				t.Errorf("wrong password: got %v, %v", ok, err)
			}
		})
	}
}

// The same hashes behind locks and scheme names.
func TestHashPrefixes(t *testing.T) {
	for _, v := range vectors(t) {
		bare, err := decodeHash(v.hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, prefix := range append([]string{"!", "!!", "*"}, schemes(v.hash)...) {
			digest, err := decodeHash(prefix + v.hash)
			if err != nil {
				t.Errorf("%s%s: %v", prefix, v.hash, err)
				continue
			}
			if digest.Encode() != bare.Encode() {
				t.Errorf("%s%s: got %s", prefix, v.hash, digest)
			}
		}
	}
}

// schemes returns the Dovecot prefixes that go with a hash.
func schemes(hash string) []string {
	switch strings.Split(hash, "$")[1] {
	case "2a", "2b", "2y":
		return []string{"{CRYPT}", "{BLF-CRYPT}"}
	case "5":
		return []string{"{CRYPT}", "{SHA256-CRYPT}"}
	case "6":
		return []string{"{CRYPT}", "{SHA512-CRYPT}"}
	case "y":
		return []string{"{CRYPT}"}
	case "argon2i":
		return []string{"{ARGON2I}"}
	case "argon2id":
		return []string{"{ARGON2ID}"}
	}
	return nil
}

func TestHashRefused(t *testing.T) {
	var (
		bc   = strings.Repeat("a", 53)
		k43  = strings.Repeat("a", 43)
		k86  = strings.Repeat("a", 86)
		b64  = "bm90LWEtc2FsdA"
		key  = "RkMNuT48yhyrkbJjM4fWzVPLee7GrRKlrVHtpRavSY0"
		a2id = "$argon2id$v=19$m=64,t=1,p=1$"
	)
	for _, tt := range []struct {
		name, field string
		want        error
	}{
		{"empty", "", errNobody},
		{"x", "x", errNobody},
		{"marks", "!*!", errNobody},
		{"scheme only", "{SHA512-CRYPT}*", errNobody},

		{"DES", "abJnggxhB/yWI", errScheme},
		{"locked x", "!x", errScheme},
		{"MD5", "$1$abcdefgh$" + strings.Repeat("a", 22), errScheme},
		{"Apache MD5", "$apr1$abcdefgh$" + strings.Repeat("a", 22), errScheme},
		{"faulty bcrypt", "$2x$04$" + bc, errScheme},
		{"first bcrypt", "$2$04$" + bc, errScheme},
		{"scrypt", "$7$CU..../....abc$" + k43, errScheme},
		{"GOST yescrypt", "$gy$j9T$abc$" + k43, errScheme},
		{"argon2d", "$argon2d$v=19$m=64,t=1,p=1$" + b64 + "$" + key, errScheme},
		{"plain", "{PLAIN}secret", errScheme},
		{"plain that looks like a hash", "{PLAIN}$5$salt$" + k43, errScheme},
		{"encoded", "{SHA512-CRYPT.b64}JDYk", errScheme},
		{"other scheme", "{SSHA}abc", errScheme},
		{"scheme of another hash", "{SHA256-CRYPT}$6$salt$" + k86, errScheme},
		{"argon2 is not of crypt", "{CRYPT}" + a2id + b64 + "$" + key, errScheme},
		{"two schemes", "{CRYPT}{BLF-CRYPT}$2b$04$" + bc, errScheme},
		{"no scheme", "{}$2b$04$" + bc, errScheme},
		{"open scheme", "{CRYPT", errScheme},
		{"dollar", "$", errScheme},
		{"dollars", "$$$$", errScheme},
		{"no first dollar", "2b$04$" + bc, errScheme},

		{"bcrypt, cost 3", "$2b$03$" + bc, errMalformed},
		{"bcrypt, cost 32", "$2b$32$" + bc, errMalformed},
		{"bcrypt, cost of one digit", "$2b$4$" + bc, errMalformed},
		{"bcrypt, signed cost", "$2b$+4$" + bc, errMalformed},
		{"bcrypt, short", "$2b$04$" + bc[1:], errMalformed},
		{"bcrypt, long", "$2b$04$a" + bc, errMalformed},
		{"bcrypt, bad digit", "$2b$04$" + bc[1:] + "=", errMalformed},
		{"bcrypt, parts", "$2b$04$" + bc + "$", errMalformed},

		{"SHA-crypt, short key", "$6$salt$" + k86[1:], errMalformed},
		{"SHA-crypt, other's key", "$5$salt$" + k86, errMalformed},
		{"SHA-crypt, bad digit", "$6$salt$" + k86[1:] + "-", errMalformed},
		{"SHA-crypt, no key", "$6$salt", errMalformed},
		{"SHA-crypt, long salt", "$6$" + strings.Repeat("s", 17) + "$" + k86, errMalformed},
		{"SHA-crypt, few rounds", "$6$rounds=999$salt$" + k86, errMalformed},
		{"SHA-crypt, many rounds", "$6$rounds=1000000000$salt$" + k86, errMalformed},
		{"SHA-crypt, no rounds", "$6$rounds=$salt$" + k86, errMalformed},
		{"SHA-crypt, other option", "$6$laps=5000$salt$" + k86, errMalformed},
		{"SHA-crypt, parts", "$6$rounds=5000$salt$more$" + k86, errMalformed},

		{"yescrypt, other flavour", "$y$/9T$saltsalt$" + k43, errMalformed},
		{"yescrypt, more parameters", "$y$jD5.7$saltsalt$" + k43, errMalformed},
		{"yescrypt, bad N", "$y$j=T$saltsalt$" + k43, errMalformed},
		{"yescrypt, bad r", "$y$j9=$saltsalt$" + k43, errMalformed},
		{"yescrypt, bad salt", "$y$j9T$salt+alt$" + k43, errMalformed},
		{"yescrypt, no salt", "$y$j9T$$" + k43, errMalformed},
		{"yescrypt, impossible salt", "$y$j9T$s$" + k43, errMalformed},
		{"yescrypt, short key", "$y$j9T$saltsalt$" + k43[1:], errMalformed},
		{"yescrypt, impossible key", "$y$j9T$saltsalt$" + k43[1:] + "z", errMalformed},
		{"yescrypt, 2 GiB", "$y$jGT$saltsalt$" + strings.Repeat(".", 43), errCostly},
		{"yescrypt, largest", "$y$jzz$saltsalt$" + strings.Repeat(".", 43), errCostly},

		{"Argon2, no version", "$argon2id$m=64,t=1,p=1$" + b64 + "$" + key, errMalformed},
		{"Argon2, old version", "$argon2id$v=16$m=64,t=1,p=1$" + b64 + "$" + key, errMalformed},
		{"Argon2, no memory", "$argon2id$v=19$m=0,t=1,p=1$" + b64 + "$" + key, errMalformed},
		{"Argon2, no time", "$argon2id$v=19$m=64,t=0,p=1$" + b64 + "$" + key, errMalformed},
		{"Argon2, no threads", "$argon2id$v=19$m=64,t=1,p=0$" + b64 + "$" + key, errMalformed},
		{"Argon2, too many threads", "$argon2id$v=19$m=65536,t=1,p=256$" + b64 + "$" + key, errMalformed},
		{"Argon2, little memory", "$argon2id$v=19$m=31,t=1,p=4$" + b64 + "$" + key, errMalformed},
		{"Argon2, much memory", "$argon2id$v=19$m=1048577,t=1,p=4$" + b64 + "$" + key, errCostly},
		{"Argon2, overflow", "$argon2id$v=19$m=4294967296,t=1,p=4$" + b64 + "$" + key, errMalformed},
		{"Argon2, order", "$argon2id$v=19$t=1,m=64,p=1$" + b64 + "$" + key, errMalformed},
		{"Argon2, more parameters", "$argon2id$v=19$m=64,t=1,p=1,data=AA$" + b64 + "$" + key, errMalformed},
		{"Argon2, bad salt", a2id + "=$" + key, errMalformed},
		{"Argon2, short salt", a2id + "AAAA$" + key, errMalformed},
		{"Argon2, bad key", a2id + b64 + "$" + key[2:], errMalformed},
		{"Argon2, short key", a2id + b64 + "$AAAA", errMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			digest, err := decodeHash(tt.field)
			if err != tt.want || digest != nil {
				t.Errorf("got %v with %v, want %v", err, digest, tt.want)
			}
		})
	}
}

// The smallest parameters that are let through do not trip the algorithm.
func TestHashSmallest(t *testing.T) {
	key := strings.Repeat(".", 43)
	for _, hash := range []string{
		"$y$j..$....$" + key, "$y$j./$....$" + key, "$y$j/.$....$" + key, "$y$jz.$....$" + key,
		"$5$$" + key, "$6$$" + key + key,
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2i$v=19$m=2040,t=1,p=255$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		digest, err := decodeHash(hash)
		if err == errCostly {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", hash, err)
			continue
		}
		if ok, err := digest.MatchBytesAdvanced([]byte("p")); ok || err != nil {
			t.Errorf("%s: got %v, %v", hash, ok, err)
		}
	}
}
