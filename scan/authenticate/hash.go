package authenticate

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// A hash is a crypt(3) string, bare or behind one of Dovecot's scheme names in
// braces (any case) that goes with it:
//
//	$2a$ $2b$ $2y$           bcrypt     {CRYPT} {BLF-CRYPT}
//	$5$                      SHA-crypt  {CRYPT} {SHA256-CRYPT}
//	$6$                      SHA-crypt  {CRYPT} {SHA512-CRYPT}
//	$y$                      yescrypt   {CRYPT}
//	$argon2i$  $argon2id$    Argon2     {ARGON2I}  {ARGON2ID}
//
// All others, {PLAIN} and the hashes of the past among them ($1$, $apr1$, DES,
// $2x$), are errors and not wrong passwords.
//
// ! or * before a hash lock the account; the hash counts nevertheless, since a
// right password that is locked today is a leak. Where there is nothing behind
// them, and where the field is empty or an x (the hash is elsewhere), nobody
// can log in with a password.
//
// The parameters are read here, strictly, before github.com/go-crypt/crypt
// decodes the string: it takes what is absent or odd for a default, and a
// memory size for an order. Only the algorithms' own packages are used: the
// module's root compiles regular expressions when it is linked.
var (
	errNobody    = errors.New("no password opens this account")
	errScheme    = errors.New("unknown hash scheme")
	errMalformed = errors.New("malformed hash")
	errCostly    = errors.New("hash needs more than 1 GiB of memory")
)

// maxHashKiB bounds the memory of a hash: more than Dovecot, libxcrypt and
// libsodium ask for by default, less than what makes Go give up altogether.
const maxHashKiB = 1 << 20

// cryptChars are the digits of crypt(3)'s base64, in their order. bcrypt's are
// the same in another order.
const cryptChars = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// decodeHash reads a hash field. errNobody is the answer that it is no hash
// and never will be; other errors do not quote the field.
func decodeHash(field string) (algorithm.Digest, error) {
	hash := strings.TrimLeft(field, "!*")
	scheme := ""
	if rest, ok := strings.CutPrefix(hash, "{"); ok {
		if scheme, hash, ok = strings.Cut(rest, "}"); !ok || scheme == "" {
			return nil, errScheme
		}
		hash = strings.TrimLeft(hash, "!*")
	}
	if hash == "" || field == "x" {
		return nil, errNobody
	}
	id, rest, ok := strings.Cut(strings.TrimPrefix(hash, "$"), "$")
	if !ok || hash[0] != '$' || !goesWith(strings.ToUpper(scheme), id) {
		return nil, errScheme
	}
	parts := strings.Split(rest, "$")
	switch id {
	case "2a", "2b", "2y":
		return decodeBcrypt(hash, parts)
	case "5":
		return decodeSHACrypt(hash, parts, 43)
	case "6":
		return decodeSHACrypt(hash, parts, 86)
	case "y":
		return decodeYescrypt(hash, parts)
	case "argon2i", "argon2id":
		return decodeArgon2(hash, parts)
	default:
		return nil, errScheme
	}
}

// goesWith reports whether a scheme name may stand before a hash of this kind.
func goesWith(scheme, id string) bool {
	switch scheme {
	case "":
		return true
	case "CRYPT":
		return !strings.HasPrefix(id, "argon2") // crypt(3) has none
	case "BLF-CRYPT":
		return strings.HasPrefix(id, "2")
	case "SHA256-CRYPT":
		return id == "5"
	case "SHA512-CRYPT":
		return id == "6"
	case "ARGON2I":
		return id == "argon2i"
	case "ARGON2ID":
		return id == "argon2id"
	default:
		return false
	}
}

// decodeBcrypt reads $2b$ cost $ 22 characters of salt, 31 of key.
func decodeBcrypt(hash string, parts []string) (algorithm.Digest, error) {
	if len(parts) != 2 || len(parts[0]) != 2 || len(parts[1]) != 53 || !isCrypt(parts[1]) {
		return nil, errMalformed
	}
	if _, ok := decimal(parts[0], 4, 31); !ok {
		return nil, errMalformed
	}
	return decoded(bcrypt.Decode(hash))
}

// decodeSHACrypt reads $5$ [rounds=N $] salt $ key. The bounds of the rounds
// and of the salt are those of the specification, which puts other values in
// range instead: a stored string has none.
func decodeSHACrypt(hash string, parts []string, keyLen int) (algorithm.Digest, error) {
	if len(parts) == 3 {
		rounds, ok := strings.CutPrefix(parts[0], "rounds=")
		if !ok {
			return nil, errMalformed
		}
		if _, ok := decimal(rounds, 1000, 999_999_999); !ok {
			return nil, errMalformed
		}
		parts = parts[1:]
	}
	if len(parts) != 2 || len(parts[0]) > 16 || len(parts[1]) != keyLen || !isCrypt(parts[1]) {
		return nil, errMalformed
	}
	return decoded(shacrypt.Decode(hash))
}

// decodeYescrypt reads $y$ j N r $ salt $ key, with N and r a digit each: what
// crypt_gensalt(3) makes. Other flags and longer numbers are not supported.
func decodeYescrypt(hash string, parts []string) (algorithm.Digest, error) {
	if len(parts) != 3 || len(parts[0]) != 3 || parts[0][0] != 'j' {
		return nil, errMalformed
	}
	logN := strings.IndexByte(cryptChars, parts[0][1]) + 1
	r := strings.IndexByte(cryptChars, parts[0][2]) + 1
	if logN < 1 || r < 1 || len(parts[2]) != 43 || !isCrypt(parts[2]) {
		return nil, errMalformed
	}
	if logN+bits.Len(uint(r-1)) > 23 { // 128 N r bytes
		return nil, errCostly
	}
	digest, err := decoded(scrypt.DecodeVariant(scrypt.VariantYescrypt)(hash))
	if err == nil && (len(digest.Salt()) == 0 || len(digest.Key()) != 32) {
		return nil, errMalformed // the decoder's sign for a bad digit
	}
	return digest, err
}

// decodeArgon2 reads $argon2id$ v=19 $ m=,t=,p= $ salt $ key.
func decodeArgon2(hash string, parts []string) (algorithm.Digest, error) {
	if len(parts) != 4 || parts[0] != "v=19" {
		return nil, errMalformed
	}
	params := strings.Split(parts[1], ",")
	if len(params) != 3 {
		return nil, errMalformed
	}
	var value [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(params[i], name)
		if !ok {
			return nil, errMalformed
		}
		if value[i], ok = decimal(digits, 1, 1<<32-1); !ok {
			return nil, errMalformed
		}
	}
	memory, threads := value[0], value[2]
	if threads > 255 || memory < 8*threads {
		return nil, errMalformed
	}
	if memory > maxHashKiB {
		return nil, errCostly
	}
	digest, err := decoded(argon2.Decode(hash))
	if err == nil && (len(digest.Salt()) < 8 || len(digest.Key()) < 16 || len(digest.Key()) > 1024) {
		return nil, errMalformed
	}
	return digest, err
}

// decoded drops a decoder's error: it may quote the hash.
func decoded(digest algorithm.Digest, err error) (algorithm.Digest, error) {
	if err != nil {
		return nil, errMalformed
	}
	return digest, nil
}

// decimal reads a number from least to most.
func decimal(s string, least, most uint64) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && least <= n && n <= most
}

// isCrypt reports whether s has only digits of crypt(3)'s base64.
func isCrypt(s string) bool {
	return strings.Trim(s, cryptChars) == ""
}
