package message_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"qguard/rules"
)

// rulesOf lists findings as "rule part".
func rulesOf(tb testing.TB, mail string, limit rules.Limit) (list []string) {
	tb.Helper()
	_, v := walk(tb, mail, limit)
	for _, f := range v.Findings {
		list = append(list, f.Rule+" "+f.Part)
	}
	return list
}

// TestMessages is what a message opens into beside a multipart.
func TestMessages(t *testing.T) {
	const inner = "Subject: in\nContent-Type: text/html\n\ninner"
	inside := []string{"1.1 text/html: inner", "1.HEADER text/plain: in"}
	for _, c := range []struct {
		name, mail string
		want       []string
		rules      []string
	}{
		{"empty", "", nil, nil},
		{"header alone", "Subject: s\n", []string{"1 text/plain: ", "HEADER text/plain: s"}, nil},
		{"no header", "just text\n\nmore\n", []string{"1 text/plain: just text\n\nmore\n"}, nil},
		{"subject", "Subject: =?koi8-r?Q?=C6?= x\n\nbody", []string{"1 text/plain: body", "HEADER text/plain: \u0444 x"}, nil},
		{"message", "Content-Type: message/rfc822\n\n" + inner, append([]string{"1 message/rfc822: " + inner}, inside...), nil},
		{"message in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaW4KQ29udGVudC1UeXBlOiB0ZXh0L2h0bWwKCmlubmVy\n",
			append([]string{"1 message/rfc822: " + inner}, inside...), nil},
		{"message in quoted-printable", "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.ReplaceAll(inner, "h", "=68"),
			append([]string{"1 message/rfc822: " + inner}, inside...), nil},
		{"message in another charset's words", "Content-Type: message/global\n\n" + inner, append([]string{"1 message/global: " + inner}, inside...), nil},
		{"message by name", "Content-Type: a/b; name=\"x.EML\"\n\n" + inner, append([]string{"1 a/b: " + inner}, inside...), nil},
		{"web archive", "Content-Type: a/b; name=x.mht\n\n" + inner, append([]string{"1 a/b: " + inner}, inside...), nil},
		{"empty message", "Content-Type: message/rfc822\n\n", []string{"1 message/rfc822: "}, nil},
		{"piece", "Content-Type: message/partial; id=a\n\nx", []string{"1 message/partial: x"}, []string{"mime.partial 1"}},
		{"elsewhere", "Content-Type: message/external-body\n\nx", []string{"1 message/external-body: x"}, []string{"mime.partial 1"}},
		{"report", "Content-Type: message/delivery-status\n\nx", []string{"1 message/delivery-status: x"}, nil},
		{"encoded multipart is read as it stands", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\none\n--b--\n",
			[]string{" multipart/mixed: ", "1 text/plain: one"}, nil},
		{"uuencode", "Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nx", []string{"1 text/plain: x"}, []string{"mime.ambiguous 1"}},
		{"unknown encoding", "Content-Type: text/plain\nContent-Transfer-Encoding: 8-bit\n\nx=41", []string{"1 text/plain: x=41"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := walk(t, c.mail, rules.Limit{})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.rules, rulesOf(t, c.mail, rules.Limit{})); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNumbers numbers parts as IMAP does.
func TestNumbers(t *testing.T) {
	in := func(boundary string, parts ...string) string {
		return fmt.Sprintf("Content-Type: multipart/mixed; boundary=%s\n\n--%s\n%s\n--%[1]s--\n", boundary, boundary, strings.Join(parts, "\n--"+boundary+"\n"))
	}
	text := "Content-Type: text/plain\n\nx"
	attached := "Content-Type: message/rfc822\n\n"
	mail := in("a", text, in("b", text, text), attached+text, attached+in("c", text, attached+text))
	parts, _ := walk(t, mail, rules.Limit{})
	var got []string
	for _, p := range parts {
		path, kind, _ := strings.Cut(p, " ")
		kind, _, _ = strings.Cut(kind, ":")
		got = append(got, path+" "+kind)
	}
	want := []string{" multipart/mixed", "1 text/plain", "2 multipart/mixed", "2.1 text/plain", "2.2 text/plain",
		"3 message/rfc822", "3.1 text/plain", "4 message/rfc822", "4 multipart/mixed", "4.1 text/plain", "4.2 message/rfc822", "4.2.1 text/plain"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// TestPartLimits meets the number and the nesting of parts exactly and crosses
// them by one.
func TestPartLimits(t *testing.T) {
	limit := rules.DefaultLimit()
	limit.Parts, limit.Depth = 10, 4
	flat := func(n int) string { return multi(strings.Repeat("--b\n\nx\n", n) + "--b--\n") }
	nested := func(n int) string {
		body := "Content-Type: text/plain\n\ncore"
		for i := range n {
			body = fmt.Sprintf("Content-Type: multipart/mixed; boundary=%d.\n\n--%d.\n%s\n--%d.--\n", i, i, body, i)
		}
		return body
	}
	messages := func(n int) string { return strings.Repeat("Content-Type: message/rfc822\n\n", n) + "\ncore" }
	for _, c := range []struct {
		name, mail string
		want       []string
	}{
		{"parts", flat(9), nil},
		{"parts crossed", flat(10), []string{"limit.parts "}},
		{"parts crossed by many", flat(100_000), []string{"limit.parts "}},
		{"multiparts", nested(4), nil},
		{"multiparts crossed", nested(5), []string{"limit.depth 1.1.1.1.1"}},
		{"multiparts crossed by many", nested(1000), []string{"limit.depth 1.1.1.1.1"}},
		{"messages", messages(4), nil},
		{"messages crossed", messages(5), []string{"limit.depth 1.1.1.1.1.1"}},
		{"messages crossed by many", messages(4000), []string{"limit.depth 1.1.1.1.1.1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, rulesOf(t, c.mail, limit)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
