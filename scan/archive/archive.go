// Package archive opens containers: bytes in, members out.
//
// What a part is, its first bytes say, whatever its name or type (see formats);
// names only add: .zip, .7z and .rar make an archive of anything, .lzma names a
// format without a mark. Members are parts like any other and are walked again,
// nested to the limit. doc.go has what is read of each format.
package archive

import (
	"context"
	"errors"

	"qguard/scan"
)

// Opener opens archives. The zero value is ready.
type Opener struct{}

// Parts yields the members of a container.
func (Opener) Parts(_ context.Context, p *scan.Part, b *scan.Budget, yield func(*scan.Part) error) error {
	if p.Open == nil || p.Is("message/rfc822", "message/global") {
		return nil
	}
	head, err := p.Head()
	if err != nil {
		return nil // whoever looks at the content says so
	}
	disk, err := trailer(p, b, head, yield)
	if err != nil {
		return err
	}
	if f := formatOf(head); f != nil {
		if f.open == nil {
			return &scan.Flaw{Rule: "xfile.unreadable", Note: f.name + " archive cannot be opened"}
		}
		err := f.open(p, b, yield)
		if err != nil && !isFlaw(err) {
			return err
		}
		return errors.Join(err, alsoCalled(p, f.name, b, yield))
	}
	if isLZMA(head) && (p.Named(".lzma", ".tlz") || p.Is("application/x-lzma")) {
		return openLZMA(p, b, yield)
	}
	switch {
	case p.Named(".zip", ".zipx", ".jar"):
		return openZIP(p, b, yield)
	case isStub(head), p.Named(".7z", ".rar"):
		return openBehind(p, b, yield)
	case p.Named(officeNames...):
		return alsoCalled(p, "", b, yield)
	case p.Named(".br"):
		return openBrotli(p, b, yield)
	case isVolume(p):
		return unreadable("archive goes on in another volume")
	}
	if disk || p.Named(".iso", ".img", ".udf", ".vhd", ".vhdx") {
		return &scan.Flaw{Rule: "xfile.unreadable", Note: "disk image whose file system cannot be listed"}
	}
	return nil
}

// formatOf returns the container that first bytes are, nil for none.
func formatOf(head []byte) *format {
	for i := range formats {
		f := &formats[i]
		if len(head) >= f.at+len(f.magic) && string(head[f.at:f.at+len(f.magic)]) == f.magic && (f.also == nil || f.also(head)) {
			return f
		}
	}
	return nil
}

// Format names the container that a part is by its first bytes, "" for none.
func Format(p *scan.Part) string {
	head, _ := p.Head()
	if f := formatOf(head); f != nil {
		return f.name
	}
	return ""
}

// format is a container known by the bytes it has at an offset, and what else
// must hold; without open the members stay unseen.
type format struct {
	name  string
	at    int
	magic string
	also  func(head []byte) bool
	open  func(*scan.Part, *scan.Budget, func(*scan.Part) error) error
}

// formats lists the containers.
var formats = [...]format{
	{"ZIP", 0, "PK", isZIP, openZIP},
	{"gzip", 0, "\x1f\x8b", nil, openGzip},
	{"bzip2", 0, "BZh", isBzip2, openBzip2},
	{"7z", 0, sevenMagic, nil, open7z},
	{"RAR", 0, rarMagic, nil, openRAR},
	{"RAR", 0, "RE~^", nil, nil},
	{"RAR recovery", 0, "Rar!\x1aRev", nil, nil},
	{"xz", 0, xzMagic, nil, openXZ},
	{"zstd", 0, zstdMagic, nil, openZstd},
	{"lz4", 0, lz4Magic, nil, openLZ4},
	{"lz4", 0, lz4Legacy, nil, openLZ4},
	{"zstd or lz4", 1, skippableTail, isSkippable, openSkippable},
	{"compress", 0, "\x1f\x9d", isCompress, openCompress},
	{"lzip", 0, "LZIP\x01", nil, openLzip},
	{"CAB", 0, "MSCF", isCAB, openCAB},
	{"ARJ", 0, "\x60\xea", isARJ, openARJ},
	{"LZH", 2, "-", isLZH, openLZH},
	{"ACE", 7, "**ACE**", nil, openACE},
	{"ALZ", 0, "ALZ\x01", nil, nil},
	{"EGG", 0, "EGGA", isEGG, nil},
	{"ZPAQ", 0, "zPQ", isZPAQ, nil},
	{"ZPAQ", 0, "7kSt\xa01\x83\xd3\x8c\xb2\x28\xb0\xd3zPQ", nil, nil},
	{"ZOO", 20, "\xdc\xa7\xc4\xfd", nil, nil},
	{"StuffIt", 10, "rLau", nil, nil},
	{"StuffIt", 0, "StuffIt (c)1997-", nil, nil},
	{"FreeArc", 0, "ArC\x01", nil, nil},
	{"RZIP", 0, "RZIP\x02", nil, nil},
	{"LRZIP", 0, "LRZI\x00", nil, nil},
	{"SZDD", 0, "SZDD\x88\xf0\x27\x33", nil, nil},
	{"KWAJ", 0, "KWAJ\x88\xf0\x27\xd1", nil, nil},
	{"WIM", 0, "MSWIM\x00\x00\x00", nil, nil},
	{"cpio", 0, "", isCpio, openCpio},
	{"ar", 0, arMagic, nil, openAr},
	{"ISO", 0, "", isISO, openISO},
	{"CD", 0, "", isCD, openCD},
	{"VHD", 0, "conectix", nil, openVHD},
	{"VHDX", 0, "vhdxfile", nil, openVHDX},
	{"disk", 0, "", isDisk, openDisk},
	{"tar", 0, "", isTar, openTar},
}
