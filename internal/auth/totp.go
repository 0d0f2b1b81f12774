package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The second factor is RFC 6238 as authenticator programs know it: SHA-1, six
// digits, steps of 30 seconds.
const (
	factorStep   = 30 * time.Second
	factorDigits = 6
	// factorDrift is how many steps a clock may be off.
	factorDrift = 1
	factorBytes = 20
)

// FactorKey is the key of a second factor, in clear. Printing it does not tell it.
type FactorKey struct{ key []byte }

// NewFactorKey makes a key of 160 random bits.
func NewFactorKey() FactorKey {
	k := make([]byte, factorBytes)
	rand.Read(k) // never fails
	return FactorKey{k}
}

// String keeps the key out of logs.
func (FactorKey) String() string { return "second factor" }

// Reveal gives the key as people type it into an authenticator program. It
// belongs onto the page of its owner and nowhere else.
func (k FactorKey) Reveal() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(k.key)
}

// Address gives what a QR code for authenticator programs holds.
func (k FactorKey) Address(issuer, login string) string {
	q := url.Values{"secret": {k.Reveal()}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	// Some programs show a "+" where the address means a blank.
	return "otpauth://totp/" + url.PathEscape(issuer+":"+login) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// ParseFactorKey reads what [FactorKey.Reveal] writes.
func ParseFactorKey(s string) (FactorKey, bool) {
	k, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	return FactorKey{k}, err == nil && len(k) == factorBytes
}

// stepOf counts the steps to a moment.
func stepOf(t time.Time) int64 { return t.Unix() / int64(factorStep/time.Second) }

// code gives the code of a step (RFC 4226 5.3).
func (k FactorKey) code(step int64) string {
	var msg [8]byte
	binary.BigEndian.PutUint64(msg[:], uint64(step))
	mac := hmac.New(sha1.New, k.key)
	mac.Write(msg[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	v := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", factorDigits, v%1_000_000)
}

// Code gives the code at a moment: what an authenticator program would show.
func (k FactorKey) Code(now time.Time) string { return k.code(stepOf(now)) }

// Accept says whether a code is right at a moment and later than the step used
// last, and gives its step.
func (k FactorKey) Accept(code string, now time.Time, used int64) (step int64, ok bool) {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, code)
	present := stepOf(now)
	for s := present - factorDrift; s <= present+factorDrift; s++ {
		if subtle.ConstantTimeCompare([]byte(k.code(s)), []byte(code)) == 1 && s > used && !ok {
			step, ok = s, true
		}
	}
	return step, ok
}

// RecoveryCodes is how many codes are given out at a time.
const RecoveryCodes = 10

// newRecoveryCodes makes codes that each let their owner in once in place of the
// second factor (80 random bits), and their hashes.
func newRecoveryCodes() (codes []string, hashes [][32]byte) {
	for range RecoveryCodes {
		c := randomText(16)
		codes = append(codes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
		hashes = append(hashes, hashRecovery(c))
	}
	return codes, hashes
}

// hashRecovery gives what is stored of a recovery code, however it was typed.
func hashRecovery(code string) [32]byte {
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, strings.ToLower(code))
	return sha256.Sum256([]byte("recovery " + code))
}
