package partner

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"log/slog"
	"math/big"
	"strings"
)

// A link's secret is
//
//	fm1_ <16: public id> <43: 256 random bits, base62> <6: CRC-32 of all before, base62>
//
// The prefix lets scanners recognise a leaked one, the checksum tells a typing
// mistake or a guess from a secret before anything is looked up, the public
// part names the link in logs. All characters stand in a path as they are.
const (
	secretPrefix = "fm1_" // keys of the API have a prefix of the same length
	secretRandom = 43     // 62^43 > 2^256
	secretCheck  = 6      // 62^6 > 2^32
	secretLen    = len(secretPrefix) + idRandom + secretRandom + secretCheck

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// kindWords must not occur in a secret by chance: importers exist that look for
// the word of a kind anywhere in an address (CONSUMERS 22).
var kindWords = [...]string{"gateway", "full", "light", "change", "categor", "size", "producer", "unit",
	"param", "stock", "serie", "warrant", "preset", "csv"}

// Secret is the secret of a link, in clear. It is shown once and never stored:
// printing or logging a Secret gives the link's public id only, [Secret.Reveal]
// alone gives the text. The zero Secret is none and matches nothing.
type Secret struct{ text string }

// newToken makes a secret with a prefix and the random part of a public id.
func newToken(prefix, id string) string {
	for {
		var random [32]byte
		rand.Read(random[:]) // never fails
		var n big.Int
		n.SetBytes(random[:])
		b := append([]byte(prefix), id...)
		b = appendBase62(b, &n, secretRandom)
		b = appendCheck(b)
		low := strings.ToLower(string(b))
		clean := true
		for _, w := range kindWords {
			clean = clean && !strings.Contains(low[len(prefix)+idRandom:], w)
		}
		if clean {
			return string(b)
		}
	}
}

// validToken says whether s has the form of a secret with this prefix, its
// checksum included.
func validToken(prefix, s string) bool {
	if len(s) != secretLen || !strings.HasPrefix(s, prefix) {
		return false
	}
	const public, body = len(secretPrefix) + idRandom, secretLen - secretCheck
	if !onlyOf(s[len(secretPrefix):public], idDigits) || !onlyOf(s[public:], base62) {
		return false
	}
	return string(appendCheck([]byte(s[:body]))) == s
}

// tokenID gives the random part of the public id in a secret.
func tokenID(s string) string { return s[len(secretPrefix) : len(secretPrefix)+idRandom] }

// ParseSecret reads a secret as a request carries it; ok is false when it
// cannot be one, its checksum included. It takes time that depends on the form
// of s alone.
func ParseSecret(s string) (secret Secret, ok bool) {
	if !validToken(secretPrefix, s) {
		return Secret{}, false
	}
	return Secret{s}, true
}

// Link gives the public id of the link that the secret is of.
func (s Secret) Link() LinkID {
	if s.text == "" {
		return ""
	}
	return LinkID("l-" + tokenID(s.text))
}

// Hash gives what is stored of a secret. A fast hash suffices for 256 random bits.
func (s Secret) Hash() [32]byte { return sha256.Sum256([]byte(s.text)) }

// Matches says, in constant time, whether the secret has this hash.
func (s Secret) Matches(hash [32]byte) bool {
	sum := s.Hash()
	return subtle.ConstantTimeCompare(sum[:], hash[:]) == 1 && s.text != ""
}

// Reveal gives the text. It belongs into an answer to its owner and nowhere else.
func (s Secret) Reveal() string { return s.text }

// String gives the public id, so that no log tells the secret by mistake.
func (s Secret) String() string { return string(s.Link()) }

// GoString is [Secret.String], for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer as [Secret.String] does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText gives the public id: a secret never leaves by way of JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func appendCheck(b []byte) []byte {
	// Every request of a partner is checked: this does without a big.Int.
	n := crc32.ChecksumIEEE(b)
	var digits [secretCheck]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[n%62]
		n /= 62
	}
	return append(b, digits[:]...)
}

// appendBase62 writes n with so many digits.
func appendBase62(b []byte, n *big.Int, digits int) []byte {
	at := len(b)
	b = append(b, strings.Repeat("0", digits)...)
	var rest, digit big.Int
	rest.Set(n)
	for i := at + digits - 1; i >= at; i-- {
		rest.DivMod(&rest, big.NewInt(62), &digit)
		b[i] = base62[digit.Int64()]
	}
	return b
}

// Redact gives a text without the secret parts of links and keys that stand in
// it, whole or cut: people and programs put them where names belong. The public
// part stays, so that it can still be told which it was.
func Redact(s string) string {
	var out []byte // nil while nothing is left out
	rest := s
	for {
		i := strings.Index(rest, "fm")
		if i < 0 {
			break
		}
		n := secretPart(rest[i:])
		if n == 0 {
			out, rest = append(out, rest[:i+2]...), rest[i+2:]
			continue
		}
		out = append(append(out, rest[:i+len(secretPrefix)+idRandom]...), "…"...)
		rest = rest[i+n:]
	}
	if out == nil {
		return s
	}
	return string(append(out, rest...))
}

// secretPart gives how long the link or key is that s begins with, 0 for none
// that has anything secret in it.
func secretPart(s string) int {
	const public = len(secretPrefix) + idRandom
	if len(s) <= public || s[:len(secretPrefix)] != secretPrefix && s[:len(keyPrefix)] != keyPrefix || !onlyOf(s[len(secretPrefix):public], idDigits) {
		return 0
	}
	n := public
	for n < len(s) && strings.IndexByte(base62, s[n]) >= 0 {
		n++
	}
	if n == public {
		return 0
	}
	return n
}
