package main

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// canvas is an image under construction.
type canvas []byte

// put writes pieces one after another from an offset on.
func (c *canvas) put(at int, pieces ...string) {
	s := strings.Join(pieces, "")
	if more := at + len(s) - len(*c); more > 0 {
		*c = append(*c, make([]byte, more)...)
	}
	copy((*c)[at:], s)
}

func (c *canvas) fill(to int) string {
	c.put(to, "")
	return string(*c)
}

const cdBlock = 2048

// iso is an ISO 9660 image (ECMA-119) of a primary tree and, where given, a
// Joliet tree.
func iso(primary, joliet []member) string {
	var c canvas
	both := func(n int) string { return le32(n) + be32(n) }
	record := func(id string, block, n int, flags byte) string {
		s := "\x00" + both(block) + both(n) + "\x7e\x0b\x14\x0a\x00\x00\x00" + string(flags) + "\x00\x00" + "\x01\x00\x00\x01" + string(byte(len(id))) + id
		s += strings.Repeat("\x00", 1-len(id)&1)
		return string(byte(len(s)+1)) + s
	}
	next := 22
	tree := func(block int, members []member, name func(string) string) {
		s := record("\x00", block, cdBlock, 2) + record("\x01", block, cdBlock, 2)
		for _, m := range members {
			s += record(name(m.name), next, len(m.data), 0)
			c.put(next*cdBlock, m.data)
			next += (len(m.data) + cdBlock - 1) / cdBlock
		}
		c.put(block*cdBlock, s)
	}
	descriptor := func(at int, kind byte, escape string, root int) {
		c.put(at*cdBlock, string(kind), "CD001\x01")
		c.put(at*cdBlock+88, escape)
		c.put(at*cdBlock+128, "\x00\x08\x08\x00")
		c.put(at*cdBlock+156, record("\x00", root, cdBlock, 2))
	}
	descriptor(16, 1, "", 20)
	tree(20, primary, func(s string) string { return strings.ToUpper(s) + ";1" })
	end := 17
	if joliet != nil {
		descriptor(17, 2, "%/E", 21)
		tree(21, joliet, utf16be)
		end = 18
	}
	c.put(end*cdBlock, "\xffCD001\x01")
	return c.fill(next * cdBlock)
}

func utf16be(s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return string(out)
}

// cdSectors puts each block into a sector of mode 1 (ECMA-130 14).
func cdSectors(image string) string {
	var out strings.Builder
	for at := 0; at < len(image); at += cdBlock {
		out.WriteString("\x00" + strings.Repeat("\xff", 10) + "\x00" + "\x00\x02" + string(byte(at/cdBlock%75)) + "\x01")
		out.WriteString(image[at:at+cdBlock] + strings.Repeat("\x00", 288))
	}
	return out.String()
}

// udf is a UDF image (ECMA-167) of one partition with one file in its root. The
// anchor stands in the last block.
func udf(m member) string {
	var c canvas
	const partition = 24 // block
	put := func(block, id, location int, body string) {
		b := []byte(le16(id) + le16(2) + strings.Repeat("\x00", 8) + le32(location) + body)
		for i, x := range b[:16] {
			if i != 4 {
				b[4] += x
			}
		}
		c.put(block*cdBlock, string(b))
	}
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	for i, id := range []string{"BEA01", "NSR02", "TEA01"} {
		c.put((16+i)*cdBlock, "\x00", id, "\x01")
	}
	long := func(n, block int) string { return le32(n) + le32(block) + le16(0) + zeros(6) }
	put(20, 5, 20, le32(1)+le16(1)+le16(0)+zeros(160)+le32(1)+le32(partition)+le32(16)+zeros(316))
	put(21, 6, 21, le32(2)+zeros(192)+le32(cdBlock)+zeros(32)+long(cdBlock, 0)+le32(6)+le32(1)+zeros(168)+"\x01\x06"+le16(1)+le16(0))
	put(22, 8, 22, "")
	entry := func(block int, kind byte, n, data int) {
		icb := le32(0) + le16(4) + zeros(5) + string(kind) + zeros(6) + le16(0)
		put(partition+block, 261, block, icb+zeros(20)+le32(n)+le32(0)+zeros(168-64)+le32(0)+le32(8)+le32(n)+le32(data))
	}
	name := "\x08" + m.name
	id := []byte(le16(257) + le16(2) + zeros(8) + le32(2) + le16(1) + "\x00" + string(byte(len(name))) + long(cdBlock, 3) + le16(0) + name)
	for i, x := range id[:16] {
		if i != 4 {
			id[4] += x
		}
	}
	directory := string(id) + zeros(-len(id)&3)
	put(partition, 256, 0, zeros(384)+long(cdBlock, 1))
	entry(1, 4, len(directory), 2)
	c.put((partition+2)*cdBlock, directory)
	entry(3, 5, len(m.data), 4)
	c.put((partition+4)*cdBlock, m.data)
	put(partition+16, 2, partition+16, le32(3*cdBlock)+le32(20)+le32(3*cdBlock)+le32(20))
	return c.fill((partition + 17) * cdBlock)
}

const diskSector = 512

// fat is a FAT12 image of 64 sectors, one in a cluster. A name that is not one of
// eight and three characters gets a long one.
func fat(members ...member) string {
	var c canvas
	c.put(0, "\xeb\x3c\x90MSDOS5.0", le16(diskSector), "\x01", le16(1), "\x01", le16(16), le16(64), "\xf8", le16(1))
	c.put(510, "\x55\xaa")
	chain := func(cluster, next int) {
		at := diskSector + cluster*3/2
		c.put(at+1, "")
		v := int(binary.LittleEndian.Uint16([]byte(c)[at : at+2 : at+2]))
		v |= next << (cluster & 1 * 4)
		c.put(at, le16(v))
	}
	c.put(4*diskSector, "")
	chain(0, 0xff8)
	chain(1, 0xfff)
	at, cluster := 2*diskSector, 2
	for _, m := range members {
		short, extension, _ := strings.Cut(m.name, ".")
		raw := padded(short, 8) + padded(extension, 3)
		if len(short) > 8 || len(extension) > 3 || strings.ToUpper(m.name) != m.name {
			raw = padded("LONG~1", 8) + padded("TXT", 3)
			at = c.longName(at, m.name, raw)
		}
		first := cluster
		c.put((1+cluster)*diskSector, m.data)
		for n := len(m.data); n > 0; n -= diskSector {
			next := cluster + 1
			if n <= diskSector {
				next = 0xfff
			}
			chain(cluster, next)
			cluster++
		}
		c.put(at, raw, "\x20", strings.Repeat("\x00", 14), le16(first), le32(len(m.data)))
		at += 32
	}
	return c.fill(64 * diskSector)
}

func padded(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }

// longName writes the entries before a short name, the last part first.
func (c *canvas) longName(at int, name, short string) int {
	sum := byte(0)
	for i := range len(short) {
		sum = sum>>1 | sum<<7
		sum += short[i]
	}
	units := append(utf16.Encode([]rune(name)), 0)
	for len(units)%13 != 0 {
		units = append(units, 0xffff)
	}
	count := len(units) / 13
	for i := count; i > 0; i-- {
		var s string
		for _, u := range units[(i-1)*13 : i*13] {
			s += le16(int(u))
		}
		order := byte(i)
		if i == count {
			order |= 0x40
		}
		c.put(at, string([]byte{order}), s[:10], "\x0f\x00", string([]byte{sum}), s[10:22], "\x00\x00", s[22:])
		at += 32
	}
	return at
}

// partitioned is a disk with a file system from its eighth sector on.
func partitioned(system string) string {
	var c canvas
	c.put(446, "\x80\x01\x01\x00\x01\x01\x01\x00", le32(8), le32(len(system)/diskSector))
	c.put(510, "\x55\xaa")
	c.put(8*diskSector, system)
	return string(c)
}

// vhdFooter is the last sector of a VHD.
func vhdFooter(kind, header, size int) string {
	var c canvas
	c.put(0, "conectix", be32(2), be32(0x10000), be32(0), be32(header), be32(0), "qgrd")
	c.put(40, be32(0), be32(size), be32(0), be32(size))
	c.put(60, be32(kind))
	return c.fill(512)
}

// vhdDynamic is a dynamic VHD with blocks of 16 KiB.
func vhdDynamic(disk string) string {
	const block = 16 << 10
	var c canvas
	c.put(0, vhdFooter(3, 512, len(disk)))
	c.put(512, "cxsparse", strings.Repeat("\xff", 8), be32(0), be32(1536), be32(0x10000), be32(len(disk)/block), be32(block))
	at := 2048
	for i := range len(disk) / block {
		c.put(1536+4*i, be32(at/512))
		c.put(at, strings.Repeat("\xff", 512), disk[i*block:(i+1)*block])
		at += 512 + block
	}
	c.put(at, vhdFooter(3, 512, len(disk)))
	return string(c)
}
