package leak

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// Finding is a secret that was found.
type Finding struct {
	// Where is what was looked at, with the wrapping that was taken off, such as
	// "data/log.gz (gzip)".
	Where string
	// What is the sort of a secret that has a shape ("link", "key", "session"), or
	// the name of a canary with the form that it was found in.
	What string
	// Offset is where it stands in what was left when the wrapping was off.
	Offset int
}

// String tells of the finding without telling the secret.
func (f Finding) String() string { return fmt.Sprintf("%s: %s at byte %d", f.Where, f.What, f.Offset) }

// Canary is a text that must not be found. Short ones are found by chance: use
// ten characters or more.
type Canary struct{ Name, Text string }

// Scanner looks for secrets. The zero Scanner looks for those that have a shape.
type Scanner struct{ needles []needle }

// needle is one form of a canary.
type needle struct {
	what  string
	bytes []byte
}

// New makes a scanner that looks for canaries, and for secrets that have a shape.
func New(canaries ...Canary) *Scanner {
	s := &Scanner{}
	for _, c := range canaries {
		seen := map[string]bool{}
		for _, f := range forms(c.Text) {
			if !seen[f.text] {
				seen[f.text] = true
				s.needles = append(s.needles, needle{c.Name + ", " + f.name, []byte(f.text)})
			}
		}
	}
	return s
}

type form struct{ name, text string }

// forms gives a text as it may stand somewhere.
func forms(text string) []form {
	list := []form{{"plain", text}, {"lower case", strings.ToLower(text)}, {"upper case", strings.ToUpper(text)},
		{"hexadecimal", hex.EncodeToString([]byte(text))}, {"hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(text)))},
		{"in a query", url.QueryEscape(text)}, {"in a path", url.PathEscape(text)}, {"in HTML", html.EscapeString(text)},
		{"in UTF-16", string(wide(text))}}
	if b, err := json.Marshal(text); err == nil {
		list = append(list, form{"in JSON", string(b[1 : len(b)-1])})
	}
	var percent strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&percent, "%%%02X", c)
	}
	list = append(list, form{"percent-encoded", percent.String()}, form{"percent-encoded", strings.ToLower(percent.String())})
	// Of base64 only what depends on the text alone: the characters at both ends
	// hold bits of the neighbours too.
	for shift := range 3 {
		padded := append(make([]byte, shift), text...)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			coded := enc.EncodeToString(padded)
			from, to := (shift*8+5)/6, len(padded)*8/6
			list = append(list, form{fmt.Sprintf("base64 at alignment %d", shift), coded[from:to]})
		}
	}
	return list
}

func wide(text string) []byte {
	var b []byte
	for _, c := range []byte(text) {
		b = append(b, c, 0)
	}
	return b[:max(len(b)-1, 0)]
}

// maxDepth is how many wrappings are taken off, one within another.
const maxDepth = 3

// maxInflated bounds what one gzip stream is inflated to.
const maxInflated = 1 << 30

// Scan looks at bytes; where names them in findings.
func (s *Scanner) Scan(where string, b []byte) []Finding {
	return s.scan(where, b, maxDepth)
}

func (s *Scanner) scan(where string, b []byte, depth int) (found []Finding) {
	for _, n := range s.needles {
		if i := bytes.Index(b, n.bytes); i >= 0 {
			found = append(found, Finding{where, n.what, i})
		}
	}
	found = append(found, shapes(where, b)...)
	if depth == 0 {
		return found
	}
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte{0x1f, 0x8b, 8})
		if i < 0 {
			break
		}
		at += i
		z, err := gzip.NewReader(bytes.NewReader(b[at:]))
		at += 3
		if err != nil {
			continue
		}
		// What cannot be read to its end is looked at as far as it goes.
		inflated, _ := io.ReadAll(io.LimitReader(z, maxInflated))
		if len(inflated) > 0 {
			found = append(found, s.scan(where+" (gzip)", inflated, depth-1)...)
		}
	}
	// Only shapes need base64 and hexadecimal undone, and whatever is compressed in
	// them: canaries are looked for in those forms.
	for _, run := range runs(b) {
		for _, decoded := range decode(run) {
			if bytes.Contains(decoded, []byte{0x1f, 0x8b, 8}) || hasPrefix(decoded) {
				found = append(found, s.scan(where+" (decoded)", decoded, depth-1)...)
			}
		}
	}
	if i := bytes.IndexByte(b, '%'); i >= 0 {
		if text := unescape(b); hasPrefix(text) && !hasPrefix(b) {
			found = append(found, shapes(where+" (percent-encoded)", text)...)
		}
	}
	return found
}

// sorts are the secrets that have a shape.
var sorts = [...]struct {
	what, prefix string
	length       int
	valid        func(string) bool
}{
	{"link", "fm1_", 69, func(s string) bool { _, ok := partner.ParseSecret(s); return ok }},
	{"key", "fmk_", 69, func(s string) bool { _, ok := partner.ParseKeySecret(s); return ok }},
	{"session", "fms_", auth.SessionText, func(s string) bool { _, ok := auth.ParseSessionID(s); return ok }},
}

func hasPrefix(b []byte) bool {
	for _, sort := range sorts {
		if bytes.Contains(b, []byte(sort.prefix)) {
			return true
		}
	}
	return false
}

func shapes(where string, b []byte) (found []Finding) {
	for _, sort := range sorts {
		for at := 0; ; at++ {
			i := bytes.Index(b[at:], []byte(sort.prefix))
			if i < 0 {
				break
			}
			if at += i; len(b)-at >= sort.length && sort.valid(string(b[at:at+sort.length])) {
				found = append(found, Finding{where, sort.what, at})
			}
		}
	}
	return found
}

// leastRun is how many characters in a row may be something encoded.
const leastRun = 60

// runs gives stretches that may be base64 or hexadecimal.
func runs(b []byte) (list [][]byte) {
	from := -1
	for i := 0; i <= len(b); i++ {
		if i < len(b) && coded[b[i]] {
			if from < 0 {
				from = i
			}
			continue
		}
		if from >= 0 && i-from >= leastRun {
			list = append(list, b[from:i])
		}
		from = -1
	}
	return list
}

var coded = func() (set [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_" {
		set[c] = true
	}
	return set
}()

// decode gives what a stretch may stand for.
func decode(run []byte) (list [][]byte) {
	standard := bytes.Map(func(r rune) rune {
		switch r {
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, run)
	for shift := range 4 {
		text := standard[shift:]
		if len(text)%4 == 1 {
			text = text[:len(text)-1] // six bits are no byte
		}
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
		if n, err := base64.RawStdEncoding.Decode(out, text); err == nil {
			list = append(list, out[:n])
		}
	}
	for shift := range 2 {
		text := run[shift:]
		out := make([]byte, len(text)/2)
		if n, err := hex.Decode(out, text[:len(text)/2*2]); err == nil {
			list = append(list, out[:n])
		}
	}
	return list
}

func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			var c [1]byte
			if _, err := hex.Decode(c[:], b[i+1:i+3]); err == nil {
				out = append(out, c[0])
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// Tree looks at every file below a folder, or at one file, and at the names of
// all. files counts those that were read.
func (s *Scanner) Tree(root string) (found []Finding, files int, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found = append(found, s.scan("the name of "+filepath.Dir(path)+"/…", []byte(d.Name()), 0)...)
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		found = append(found, s.Scan(path, b)...)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("look for secrets in %s: %w", root, err)
	}
	return found, files, err
}
