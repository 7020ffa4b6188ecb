package document

import (
	"crypto/cipher"
	"io"
)

// pdfCBC decrypts AES in CBC mode; the first block is the initial vector.
type pdfCBC struct {
	src   io.Reader
	block cipher.Block
	mode  cipher.BlockMode
	buf   [4096]byte
	ready []byte
	held  []byte // the last block so far, which may hold padding
	err   error
}

func (c *pdfCBC) Read(p []byte) (int, error) {
	for len(c.ready) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.next()
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

func (c *pdfCBC) next() {
	if c.mode == nil {
		var iv [16]byte
		if _, c.err = io.ReadFull(c.src, iv[:]); c.err != nil {
			c.err = pdfEndEarly(c.err)
			return
		}
		c.mode = cipher.NewCBCDecrypter(c.block, iv[:])
	}
	k := copy(c.buf[:], c.held)
	n, err := io.ReadFull(c.src, c.buf[k:])
	n &^= 15
	c.mode.CryptBlocks(c.buf[k:k+n], c.buf[k:k+n])
	all := c.buf[:k+n]
	if err != nil {
		c.err = pdfEndEarly(err)
		c.ready = pdfUnpad(all)
		return
	}
	c.held = append(c.held[:0], all[len(all)-16:]...)
	c.ready = all[:len(all)-16]
}

func pdfEndEarly(err error) error {
	if err == io.ErrUnexpectedEOF {
		return io.EOF
	}
	return err
}
