package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qguard/rules"
)

// TestTools opens what the real tools write. Those that are not installed are
// skipped by name.
func TestTools(t *testing.T) {
	text := mixture(300 << 10)
	for _, c := range []struct {
		file    string
		command string
		single  bool // a compressor of one file
		found   string
	}{
		{"a.xz", "xz -c text", true, ""},
		{"a.xz", "xz -9e --block-size=20000 -c text", true, ""},
		{"a.xz", "xz --x86 --lzma2=dict=1MiB -c text", true, ""},
		{"a.xz", "xz --delta=dist=4 --lzma2 -c text", true, ""},
		{"a.xz", "xz -C sha256 -c text", true, ""},
		{"a.lzma", "xz --format=lzma -c text", true, ""},
		{"a.lz", "lzip.lzip -c text", true, ""},
		{"a.lz", "lzip.lzip -b 100000 -c text", true, ""},
		{"a.zst", "zstd -c text", true, ""},
		{"a.zst", "zstd --ultra -22 -c text", true, ""},
		{"a.zst", "zstd --fast=9 -c text", true, ""},
		{"a.zst", "zstd -12 --zstd=wlog=12,minMatch=3 --no-content-size -c text", true, ""},
		{"a.lz4", "lz4 -c text", true, ""},
		{"a.lz4", "lz4 -9 -BD -B4 -BX --content-size -c text", true, ""},
		{"a.lz4", "lz4 -l -c text", true, ""},
		{"a.Z", "compress -c text", true, ""},
		{"a.Z", "compress -b 12 -c text", true, ""},
		{"a.bz2", "bzip2 -c text", true, ""},
		{"a.gz", "gzip -c text", true, ""},
		{"a.7z", "7zz a -bd out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -ms=off out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -mhc=off out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=lzma out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=bcj -m1=lzma2 out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=delta:4 -m1=lzma out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=copy out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=deflate out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=deflate64 out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=bzip2 out.7z text prog.dat empty sub", false, ""},
		{"a.7z", "7zz a -bd -m0=ppmd out.7z text prog.dat empty sub", false, "xfile.unreadable 1/a.7z/text"},
		{"a.7z", "7zz a -bd -psecret out.7z text prog.dat empty sub", false, "xfile.encrypted 1/a.7z/text"},
		{"a.7z", "7zz a -bd -psecret -mhe out.7z text prog.dat empty sub", false, "xfile.encrypted 1"},
		{"a.zip", "7zz a -bd -tzip out.7z text prog.dat sub", false, ""},
		{"a.zip", "7zz a -bd -tzip -mm=deflate64 out.7z text prog.dat sub", false, ""},
		{"a.zip", "7zz a -bd -tzip -mm=lzma out.7z text prog.dat sub", false, ""},
		{"a.zip", "7zz a -bd -tzip -mm=bzip2 out.7z text prog.dat sub", false, ""},
		{"a.zip", "7zz a -bd -tzip -mm=xz out.7z text prog.dat sub", false, ""},
		{"a.zip", "7zz a -bd -tzip -mm=zstd out.7z text prog.dat sub", false, ""},
		{"a.zip", "7zz a -bd -tzip -mm=ppmd out.7z text prog.dat sub", false, "xfile.unreadable 1/a.zip/text"},
		{"a.zip", "7zz a -bd -tzip -psecret -mem=AES256 out.7z text prog.dat sub", false, "xfile.encrypted 1/a.zip/text"},
		{"a.zip", "7zz a -bd -tzip -psecret out.7z text prog.dat sub", false, "xfile.encrypted 1/a.zip/text"},
	} {
		t.Run(c.command, func(t *testing.T) {
			args := strings.Fields(c.command)
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skip("no " + args[0])
			}
			dir := t.TempDir()
			put := func(name, data string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			os.Mkdir(filepath.Join(dir, "sub"), 0o700)
			put("text", text)
			put("prog.dat", program)
			put("empty", "")
			put("sub/more.txt", "more")
			cmd := exec.Command(args[0], args[1:]...)
			cmd.Dir = dir
			out, err := cmd.Output()
			if err != nil {
				t.Skipf("%s: %v %.200s", args[0], err, out)
			}
			if !c.single {
				if out, err = os.ReadFile(filepath.Join(dir, "out.7z")); err != nil {
					t.Fatal(err)
				}
			}
			got := &all{}
			limit := rules.DefaultLimit()
			v := scanFile(c.file, strings.NewReader(string(out)), int64(len(out)), limit, got)
			if v.Err != nil {
				t.Fatal(v.Err)
			}
			var found []string
			for _, f := range v.Findings {
				found = append(found, f.Rule+" "+f.Part)
			}
			if c.found != "" {
				if !slices.Contains(found, c.found) {
					t.Errorf("found %q, want %s", found, c.found)
				}
				return
			}
			if c.single {
				if !got.has("a", text) || len(found) > 0 {
					t.Errorf("found %q, names %q", found, got.names)
				}
				return
			}
			if !got.has("text", text) || !got.has("prog.dat", program) || !got.has("sub/more.txt", "more") || len(found) != 1 {
				t.Errorf("found %q %v, names %q", found, v.Findings, got.names)
			}
		})
	}
}

// mixture is n bytes that deflate well in places, with calls and jumps of x86.
func mixture(n int) string {
	var s strings.Builder
	hard := noise(n)
	for i := 0; s.Len() < n; i++ {
		s.WriteString("An ordinary line of text, number ")
		s.WriteString(hard[i : i+i%40])
		s.WriteString("\xe8" + hard[i:i+3] + "\x00\xe9\xff\xff\xff\xff")
		if i%50 == 0 {
			s.WriteString(strings.Repeat("z", 5000))
		}
	}
	return s.String()[:n]
}
