package document

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"io"
)

// pdfCrypt undoes the standard encryption (ISO 32000-1, 7.6; ISO 32000-2 for
// revision 6) of a file that opens with the empty password: viewers ask nothing
// then, and show everything.
type pdfCrypt struct {
	key             []byte
	streams, texts  pdfMethod
	files           pdfMethod
	dict            pdfObject
	plainMetadata   bool
	revision, bytes int64
}

type pdfMethod byte

const (
	cryptNone pdfMethod = iota
	cryptRC4
	cryptAES    // 128 bit
	cryptAES256 // 256 bit, one key for everything
)

// pdfPad fills up passwords, and is the empty one.
const pdfPad = "\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A"

// unlock looks for encryption and tries the empty password.
func (d *pdfFile) unlock() {
	var ids []string
	var dicts []pdfObject
	for _, place := range d.trailers {
		t, ok := d.load(&d.aux, place, nil)
		if !ok || len(dicts) > 8 {
			continue
		}
		if id := d.member(t, "ID"); len(id.list) > 0 && len(ids) < 8 {
			ids = append(ids, d.last(id.at(id.list[0])).text)
		}
		d.resolve(t.at(t.get("Encrypt")), func(e pdfObject) {
			if e.kind == pdfDict {
				dicts = append(dicts, e)
			}
		})
	}
	ids = append(ids, "")
	for _, e := range dicts {
		for _, id := range ids {
			if c := d.tryEmpty(e, id); c != nil {
				d.crypt = c
				return
			}
		}
	}
	d.locked = len(dicts) > 0
}

// tryEmpty tries the empty password with one dictionary and file identifier.
func (d *pdfFile) tryEmpty(e pdfObject, id string) *pdfCrypt {
	if s := d.member(e, "Filter"); s.text != "Standard" {
		return nil
	}
	v := d.member(e, "V").int()
	c := &pdfCrypt{dict: e, revision: d.member(e, "R").int(), bytes: d.member(e, "Length").int() / 8}
	c.plainMetadata = d.member(e, "EncryptMetadata").text == "false"
	switch {
	case v == 1 || c.revision == 2 || c.bytes < 5:
		c.bytes = 5
	case c.bytes > 16:
		c.bytes = 16
	}
	c.streams, c.texts, c.files = cryptRC4, cryptRC4, cryptRC4
	if v >= 4 {
		c.streams = d.method(e, "StmF")
		c.texts = d.method(e, "StrF")
		if c.files = c.streams; e.has("EFF") {
			c.files = d.method(e, "EFF")
		}
		c.bytes = 16
	}
	owner, user := d.member(e, "O").text, d.member(e, "U").text
	switch {
	case v < 1 || v > 5:
		return nil
	case v == 5 && len(user) >= 48:
		c.key = pdfKey256(c.revision, user, d.member(e, "UE").text)
	case v < 5 && len(owner) >= 32 && len(user) >= 32:
		c.key = c.key128(owner[:32], user, id, d.member(e, "P"))
	}
	if c.key == nil {
		return nil
	}
	return c
}

// method is the algorithm of a crypt filter.
func (d *pdfFile) method(e pdfObject, use string) pdfMethod {
	filter := d.member(d.member(e, "CF"), d.member(e, use).text)
	switch d.member(filter, "CFM").text {
	case "V2":
		return cryptRC4
	case "AESV2":
		return cryptAES
	case "AESV3":
		return cryptAES256
	}
	return cryptNone
}

// key128 is algorithm 2, checked by algorithms 4 and 5.
func (c *pdfCrypt) key128(owner, user, id string, p pdfObject) []byte {
	h := md5.New()
	io.WriteString(h, pdfPad+owner)
	binary.Write(h, binary.LittleEndian, uint32(int64(p.num)))
	io.WriteString(h, id)
	if c.revision >= 4 && c.plainMetadata {
		io.WriteString(h, "\xff\xff\xff\xff")
	}
	key := h.Sum(nil)
	if c.revision >= 3 {
		for range 50 {
			sum := md5.Sum(key[:c.bytes])
			key = sum[:]
		}
	}
	key = key[:c.bytes]
	if c.revision == 2 {
		if string(pdfRC4(key, []byte(pdfPad))) == user[:32] {
			return key
		}
		return nil
	}
	sum := md5.Sum([]byte(pdfPad + id))
	check := sum[:]
	for i := range byte(20) {
		round := make([]byte, len(key))
		for k := range key {
			round[k] = key[k] ^ i
		}
		check = pdfRC4(round, check)
	}
	if string(check) == user[:16] {
		return key
	}
	return nil
}

func pdfRC4(key, data []byte) []byte {
	out := make([]byte, len(data))
	if c, err := rc4.NewCipher(key); err == nil {
		c.XORKeyStream(out, data)
	}
	return out
}

// key256 is algorithm 2.A of ISO 32000-2.
func pdfKey256(revision int64, user, wrapped string) []byte {
	hash := func(salt string) []byte {
		sum := sha256.Sum256([]byte(salt))
		if revision < 6 {
			return sum[:]
		}
		return pdfHash2B(sum[:])
	}
	if string(hash(user[32:40])) != user[:32] || len(wrapped) < 32 {
		return nil
	}
	block, err := aes.NewCipher(hash(user[40:48]))
	if err != nil {
		return nil
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, []byte(wrapped[:32]))
	return key
}

// hash2B is algorithm 2.B of ISO 32000-2 with the empty password.
func pdfHash2B(k []byte) []byte {
	for round := 0; ; round++ {
		k1 := make([]byte, 0, 64*len(k))
		for range 64 {
			k1 = append(k1, k...)
		}
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return nil
		}
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(k1, k1)
		sum := 0
		for _, b := range k1[:16] {
			sum += int(b)
		}
		switch sum % 3 {
		case 0:
			s := sha256.Sum256(k1)
			k = s[:]
		case 1:
			s := sha512.Sum384(k1)
			k = s[:]
		default:
			s := sha512.Sum512(k1)
			k = s[:]
		}
		if round >= 63 && int(k1[len(k1)-1]) <= round-31 {
			return k[:32]
		}
	}
}

// of returns the key of an object.
func (c *pdfCrypt) of(m pdfMethod, id, gen int64) []byte {
	if m == cryptAES256 {
		return c.key
	}
	data := append([]byte{}, c.key...)
	data = append(data, byte(id), byte(id>>8), byte(id>>16), byte(gen), byte(gen>>8))
	if m == cryptAES {
		data = append(data, "sAlT"...)
	}
	sum := md5.Sum(data)
	return sum[:min(len(c.key)+5, 16)]
}

// text decrypts a string.
func (c *pdfCrypt) text(s string, id, gen int64) string {
	switch c.texts {
	case cryptNone:
		return s
	case cryptRC4:
		return string(pdfRC4(c.of(c.texts, id, gen), []byte(s)))
	}
	block, err := aes.NewCipher(c.of(c.texts, id, gen))
	if err != nil || len(s) < 32 {
		return s
	}
	out := make([]byte, (len(s)-16)/16*16)
	cipher.NewCBCDecrypter(block, []byte(s[:16])).CryptBlocks(out, []byte(s[16:16+len(out)]))
	return string(pdfUnpad(out))
}

// pdfUnpad takes off what fills the last block up.
func pdfUnpad(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] >= 1 && b[n-1] <= 16 {
		return b[:n-int(b[n-1])]
	}
	return b
}

// stream decrypts the data of a stream.
func (c *pdfCrypt) stream(r io.Reader, o pdfObject, filters []pdfFilter) (io.Reader, error) {
	m := c.streams
	if o.is("Type", "EmbeddedFile") {
		m = c.files
	}
	if o.is("Type", "XRef") || c.plainMetadata && o.is("Type", "Metadata") || len(filters) > 0 && filters[0].name == "Crypt" {
		m = cryptNone // a filter of its own is Identity, in practice
	}
	switch m {
	case cryptNone:
		return r, nil
	case cryptRC4:
		s, err := rc4.NewCipher(c.of(m, o.id, o.gen))
		if err != nil {
			return nil, errPDFData
		}
		return cipher.StreamReader{S: s, R: r}, nil
	}
	block, err := aes.NewCipher(c.of(m, o.id, o.gen))
	if err != nil {
		return nil, errPDFData
	}
	return &pdfCBC{src: r, block: block}, nil
}
