package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qguard/rules"
	"qguard/scan"
)

// sample is what real tools pack: text and noise in several sizes, the program.
func sample(t *testing.T) (dir string, files map[string]string) {
	t.Helper()
	r := rand.New(rand.NewSource(1))
	words := strings.Fields("the quick brown fox jumps over a lazy dog and then some more of it 0123456789")
	var text strings.Builder
	for text.Len() < 200_000 {
		text.WriteString(words[r.Intn(len(words))] + " ")
		if r.Intn(50) == 0 {
			fmt.Fprintf(&text, "%x", r.Int63())
		}
	}
	noise := make([]byte, 70_000)
	r.Read(noise)
	files = map[string]string{
		"text.txt": text.String(), "noise.bin": string(noise), "zeros.bin": strings.Repeat("\x00", 100_000),
		"sub/plan.dat": program, "sub/deep/one.txt": "1", "longer name of a file.txt": "long",
	}
	dir = t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, "in", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, files
}

// whole keeps the content of members at any depth under each of their names.
type whole struct{ data map[string]string }

func (w *whole) Begin(*scan.Message) scan.Look               { return w }
func (w *whole) End(context.Context) ([]scan.Finding, error) { return nil, nil }
func (w *whole) Part(_ context.Context, p *scan.Part) error {
	if p.Nest == 0 || p.Open == nil {
		return nil
	}
	r, err := p.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	for _, name := range p.Names {
		w.data[strings.ToLower(name)] = string(data)
	}
	return err
}

// TestPeers reads what the usual packers write.
func TestPeers(t *testing.T) {
	const all = "text.txt noise.bin zeros.bin sub/plan.dat sub/deep/one.txt 'longer name of a file.txt'"
	for _, c := range []struct{ name, tool, script, file string }{
		{"CAB, MSZIP", "gcab", "gcab -c -z ../x.cab text.txt noise.bin zeros.bin sub/plan.dat sub/deep/one.txt 'longer name of a file.txt'", "x.cab"},
		{"CAB, stored", "gcab", "gcab -c ../x.cab text.txt noise.bin zeros.bin sub/plan.dat sub/deep/one.txt 'longer name of a file.txt'", "x.cab"},
		{"ARJ, method 0", "arj", "arj a -r -m0 ../x.arj " + all, "x.arj"},
		{"ARJ, method 1", "arj", "arj a -r -m1 ../x.arj " + all, "x.arj"},
		{"ARJ, method 2", "arj", "arj a -r -m2 ../x.arj " + all, "x.arj"},
		{"ARJ, method 3", "arj", "arj a -r -m3 ../x.arj " + all, "x.arj"},
		{"ARJ, method 4", "arj", "arj a -r -m4 ../x.arj " + all, "x.arj"},
		{"LZH", "jlha", "jlha c ../x.lzh " + all, "x.lzh"},
		{"LZH, lh4", "jlha", "jlha co4 ../x.lzh " + all, "x.lzh"},
		{"LZH, lh5", "jlha", "jlha co5 ../x.lzh " + all, "x.lzh"},
		{"LZH, lh6", "jlha", "jlha co6 ../x.lzh " + all, "x.lzh"},
		{"LZH, lh7", "jlha", "jlha co7 ../x.lzh " + all, "x.lzh"},
		{"LZH, level 0", "jlha", "jlha c0 ../x.lzh " + all, "x.lzh"},
		{"LZH, level 1", "jlha", "jlha c1 ../x.lzh " + all, "x.lzh"},
		{"LZH, level 2", "jlha", "jlha c2 ../x.lzh " + all, "x.lzh"},
		{"cpio, newc", "cpio", "find . -type f | cpio -o -H newc >../x.cpio", "x.cpio"},
		{"cpio, crc", "cpio", "find . -type f | cpio -o -H crc >../x.cpio", "x.cpio"},
		{"cpio, odc", "cpio", "find . -type f | cpio -o -H odc >../x.cpio", "x.cpio"},
		{"cpio, binary", "cpio", "find . -type f | cpio -o -H bin >../x.cpio", "x.cpio"},
		{"cpio, binary, swapped", "cpio", "find . -type f | cpio -o -H bin --swap >../x.cpio || find . -type f | cpio -o -H bin >../x.cpio", "x.cpio"},
		{"ar", "ar", "ar rc ../x.a text.txt noise.bin zeros.bin sub/plan.dat sub/deep/one.txt 'longer name of a file.txt'", "x.a"},
		{"ISO, Joliet", "genisoimage", "genisoimage -quiet -J -o ../x.img .", "x.img"},
		{"ISO, Rock Ridge", "genisoimage", "genisoimage -quiet -R -o ../x.img .", "x.img"},
		{"ISO, all", "genisoimage", "genisoimage -quiet -J -R -udf -o ../x.img .", "x.img"},
		{"ISO and UDF", "genisoimage", "genisoimage -quiet -udf -o ../x.img .", "x.img"},
		{"ISO, xorriso", "xorriso", "xorriso -as mkisofs -quiet -J -R -o ../x.img .", "x.img"},
		{"FAT12", "mcopy", "mformat -C -i ../x.img -f 1440 :: && mcopy -s -i ../x.img * ::", "x.img"},
		{"FAT16", "mcopy", "mkfs.fat -C -F 16 ../x.img 16384 && mcopy -s -i ../x.img * ::", "x.img"},
		{"FAT32", "mcopy", "mkfs.fat -C -F 32 -s 1 ../x.img 40960 && mcopy -s -i ../x.img * ::", "x.img"},
		{"VHD, fixed", "qemu-img", "mkfs.fat -C -F 16 ../x.img 16384 && mcopy -s -i ../x.img * :: && qemu-img convert -f raw -O vpc -o subformat=fixed ../x.img ../x.vhd", "x.vhd"},
		{"VHD, dynamic", "qemu-img", "mkfs.fat -C -F 16 ../x.img 16384 && mcopy -s -i ../x.img * :: && qemu-img convert -f raw -O vpc ../x.img ../x.vhd", "x.vhd"},
		{"VHDX", "qemu-img", "mkfs.fat -C -F 16 ../x.img 16384 && mcopy -s -i ../x.img * :: && qemu-img convert -f raw -O vhdx ../x.img ../x.vhdx", "x.vhdx"},
		{"MBR", "sfdisk", "mkfs.fat -C -F 16 ../p.img 16384 && mcopy -s -i ../p.img * :: && truncate -s 20M ../x.img && echo '2048,32768,e' | sfdisk -q ../x.img && dd if=../p.img of=../x.img bs=512 seek=2048 conv=notrunc status=none", "x.img"},
		{"GPT", "sfdisk", "mkfs.fat -C -F 16 ../p.img 16384 && mcopy -s -i ../p.img * :: && truncate -s 20M ../x.img && printf 'label: gpt\n2048,32768\n' | sfdisk -q ../x.img && dd if=../p.img of=../x.img bs=512 seek=2048 conv=notrunc status=none", "x.img"},
		{"NTFS", "ntfscp", "truncate -s 8M ../x.img && mkntfs -q -F -s 512 ../x.img && for f in text.txt noise.bin zeros.bin sub/plan.dat sub/deep/one.txt 'longer name of a file.txt'; do ntfscp -q -f ../x.img \"$f\" \"$(basename \"$f\")\"; done", "x.img"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := exec.LookPath(c.tool); err != nil {
				t.Skip("no " + c.tool)
			}
			dir, files := sample(t)
			cmd := exec.Command("sh", "-c", c.script)
			cmd.Dir = filepath.Join(dir, "in")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Skipf("%s: %v: %s", c.tool, err, out)
			}
			image, err := os.ReadFile(filepath.Join(dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			got := &whole{map[string]string{}}
			limit := rules.DefaultLimit()
			limit.Ratio = 2000
			v := scanFile("a.dat", bytes.NewReader(image), int64(len(image)), limit, got)
			for _, f := range v.Findings {
				if !strings.HasSuffix(strings.ToLower(f.Name), "plan.dat") && !strings.HasPrefix(f.Note, "virtual disk:") &&
					!strings.HasPrefix(f.Note, "ISO 9660") && f.Name != "disk.vhd" {
					t.Errorf("found %+v", f)
				}
			}
			for name, want := range files {
				base := filepath.Base(name)
				i := slices.IndexFunc(keys(got.data), func(k string) bool { return strings.HasSuffix(k, strings.ToLower(base)) })
				if i < 0 || got.data[keys(got.data)[i]] != want {
					t.Errorf("%s is missing or other", name)
				}
			}
			if t.Failed() {
				for name, data := range got.data {
					t.Logf("%q %d bytes", name, len(data))
				}
			}
		})
	}
}

func keys(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
