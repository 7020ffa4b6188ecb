package cache

import (
	"bytes"
	"reflect"
	"testing"
)

// FuzzEntry: what is sealed opens, under its own kind and tag only; anything else
// that a file may hold opens only if it is that, byte for byte.
func FuzzEntry(f *testing.F) {
	k := keys(bytes.Repeat([]byte("k"), keyLeast))
	f.Add([]byte("pair"), uint64(1), uint64(2), uint64(3), []byte(nil))
	f.Add([]byte(""), uint64(0), uint64(1<<63), uint64(0), bytes.Repeat([]byte{0}, entryLeast))
	f.Add([]byte("user"), ^uint64(0), uint64(0), uint64(9), k.seal(kindCharge, k.tag("a", []byte("b")), entry{expires: 1}))
	f.Fuzz(func(t *testing.T, name []byte, created, expires, body uint64, raw []byte) {
		tag := k.tag("label", name)
		e := entry{created: created, expires: expires, body: []uint64{body}}
		sealed := k.seal(kindFailure, tag, e)
		if got, ok := k.open(kindFailure, tag, sealed); !ok || !reflect.DeepEqual(got, e) {
			t.Fatalf("%+v became %+v, %v", e, got, ok)
		}
		if _, ok := k.open(kindCharge, tag, sealed); ok {
			t.Error("opens as another kind")
		}
		if _, ok := k.open(kindFailure, k.tag("other", name), sealed); ok {
			t.Error("opens under another tag")
		}
		if got, ok := k.open(kindFailure, tag, raw); ok && !bytes.Equal(k.seal(kindFailure, tag, got), raw) {
			t.Errorf("%x opens", raw)
		}
	})
}
