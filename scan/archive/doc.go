// # All formats
//
// Every stream that is unpacked counts against the budget (scan.Budget.Inflate);
// dictionaries and windows are held (scan.Budget.Hold); what has reached a limit
// is not begun again. A member is unpacked only as far as somebody reads it,
// except where others stand behind it in the same stream. Panics of a decoder are
// xfile.unreadable. Check sums of data are not compared: the bytes are judged,
// whatever they should have been. Encrypted data is xfile.encrypted, grave where
// names are hidden: those of the archive, or those in a member that is an archive
// itself. What goes on in another volume is xfile.unreadable.
//
// # Compressors
//
// gzip (RFC 1952), bzip2, xz (xz file format 1.1.0), lzip, LZMA alone, zstd (RFC
// 8878), lz4 (frames, old frames) and compress yield one member under the name
// without suffix (.tgz becomes .tar), streams in a row joined. Zeros or other
// bytes behind the last stream are skipped, as the tools do. gzip: the name in a
// header counts, and a further member with a name is a part of its own too. xz:
// LZMA2, delta and x86 filters; others are unreadable. zstd and lz4: frames to be
// skipped may stand anywhere; dictionaries from elsewhere are unreadable, and so
// is another format behind a zstd frame that zstd(1) goes on with. An LZMA
// dictionary and a zstd window are no larger than the matches need, at most
// limit.memory.
//
// # ZIP (APPNOTE.TXT 6.3)
//
// Listed are the members of the directory that the last end record points to,
// with ZIP64, bytes before the archive, wrong counts and offsets. Every local
// header in bytes that nothing listed occupies, or behind the end of a listed
// member's deflate stream though inside its claimed length, is a member too, and
// so are the names in other directories. All names of a member count: both
// headers, Unicode path fields. Where the headers disagree on data or method,
// both are read. Methods: stored, deflate, Deflate64, bzip2, LZMA, zstd, xz;
// others are unreadable. An encrypted directory is xfile.encrypted, grave.
//
// # 7z (7zFormat.txt of the LZMA SDK)
//
// Start header, header (plain, or packed up to four times, at most 4 MiB), folders
// and names. Coders: copy, LZMA, LZMA2, deflate, Deflate64, bzip2, zstd, lz4, delta,
// x86 (BCJ). PPMd, BCJ2 and filters of other machines are unreadable, the names
// judged. Members of a solid folder are unpacked once, one after the other, each
// into a spool while the walk is at it. Directories and anti-items are no members.
//
// # RAR (technote.txt of RAR 4, RAR 5.0 archive format)
//
// The headers are walked here, those of versions 1.5 to 4 with plain and wide
// names. Stored members are read in place; for others the library is given an
// archive of that member alone, or of a run of solid ones. It is not trusted with
// time: past limit.time it is left to itself. RAR 1.4 is unreadable.
//
// # tar (POSIX ustar, GNU and PAX)
//
// Links and devices have a name only; members with holes are unreadable. Another
// archive behind the end of one, zeros between them or none, is read as well.
//
// # Behind a program
//
// A part that begins as a program or script (MZ, ELF, #!), or is called .7z or
// .rar, is searched for a 7z or RAR mark in its first MiB and in a MiB behind a
// Windows program's last section, and for a ZIP's end record at its end.
//
// Where the first bytes are another format's, or none, the name still decides
// which program opens the file: in what is called a ZIP, or a document that is
// one, an end record with its directory before it counts, in what is called .7z
// or .rar a mark in the first MiB.
//
// # Old archives and disk images
//
// CAB ([MS-CAB], stored, MSZIP and LZX), LZH (levels 0 to 3, -lh0-, -lz4-, -lh4- to
// -lh7-), ARJ (methods 0 to 4), ACE (stored), cpio (newc, crc, odc, binary) and
// ar are opened; a member packed otherwise has its name judged and is
// xfile.unreadable, as is one that goes on in another volume. ALZ, EGG, ZPAQ,
// ZOO, StuffIt, FreeArc, rzip, lrzip, SZDD, KWAJ, WIM, DMG and RAR's recovery
// volumes cannot be listed; of what is called .br (Brotli) the name is judged.
//
// Images are ISO 9660 (ECMA-119) with Joliet and Rock Ridge, UDF (ECMA-167, UDF
// 1.02 to 2.60), FAT12 to FAT32 and NTFS, bare or in partitions (MBR, GPT), as
// they are or as CD sectors, VHD or VHDX. Every tree that some system could show
// is walked. A file that several directories list is one member with all its
// names. A file system that is not known here, compressed files and disks that
// differ from another are xfile.unreadable.
//
// Fixed VHD and DMG are known by their last 512 bytes, which are looked at where no
// decoding is needed or the first sector or the name is a disk's. Such a file holds a member
// "disk.vhd" or "disk.dmg", for package xfile to judge, whatever its own name.
//
// Of all numbers in a header or directory none is believed: directories are
// walked once each and add up to four times the image at most, members that
// overlap count as unpacked bytes.
package archive
