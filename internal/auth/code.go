package auth

import (
	"crypto/sha256"
	"strings"
	"time"

	"feedmill/internal/partner"
)

// How long one-time codes can be used.
const (
	SetupLife = time.Hour
	ResetLife = 30 * time.Minute
)

// Purpose says what a one-time code is for.
type Purpose string

// The purposes.
const (
	// Setup makes the first owner.
	Setup Purpose = "setup"
	// Reset sets a password: of a new account, or in place of a forgotten one.
	Reset Purpose = "reset"
)

// Code is a one-time code as it is stored.
type Code struct {
	// Hash is all that is kept of its text.
	Hash    [32]byte
	Purpose Purpose
	// Merchant is whose the account is or will be; "" with Setup makes a new one.
	Merchant partner.MerchantID
	// User is whose password is set, "" with Setup.
	User    UserID
	Expires time.Time
}

// codeLength is 26 characters of five bits: 130 random bits.
const codeLength = 26

// newCode makes a code and its text.
func newCode(c Code) (Code, string) {
	text := randomText(codeLength)
	c.Hash = hashCode(text)
	return c, text
}

// hashCode gives what is stored of a code, however it was typed.
func hashCode(text string) [32]byte {
	text = strings.ToLower(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == ' ' }), ""))
	return sha256.Sum256([]byte("code " + text))
}
