package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"time"

	"feedmill/internal/partner"
)

// How long sessions last.
const (
	// SessionIdle is how long a session lives without a request.
	SessionIdle = 30 * time.Minute
	// SessionLife is how long it lives at all.
	SessionLife = 12 * time.Hour
	// FactorTime is how long the second factor may take after the password.
	FactorTime = 5 * time.Minute
	// ReauthTime is how long a repeated password counts for what needs one.
	ReauthTime = 10 * time.Minute
	// touchEvery is how exactly it is kept when a session was last used.
	touchEvery = time.Minute
)

// Stage says how far somebody has come in signing in.
type Stage string

// The stages.
const (
	// StageFactor is after the password, before the second factor.
	StageFactor Stage = "factor"
	// StageIn is signed in.
	StageIn Stage = "in"
)

// SessionID is the secret that a browser holds. It is stored as a hash only.
type SessionID [32]byte

// newSessionID makes an id of 256 random bits.
func newSessionID() (id SessionID) {
	rand.Read(id[:]) // never fails
	return id
}

// A session's text has a prefix and a checksum, as links and keys have: so one
// that stands where it must not is known by its form.
const (
	sessionPrefix = "fms_"
	sessionRandom = 43 // 32 bytes in base64
	// SessionText is how long the text of a session is.
	SessionText = len(sessionPrefix) + sessionRandom + 8
)

// Reveal gives the text for the cookie, and belongs nowhere else.
func (id SessionID) Reveal() string {
	text := sessionPrefix + base64.RawURLEncoding.EncodeToString(id[:])
	return text + fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
}

// String keeps the id out of logs.
func (SessionID) String() string { return "session" }

// Hash gives what is stored of it.
func (id SessionID) Hash() [32]byte { return sha256.Sum256(id[:]) }

// ParseSessionID reads what [SessionID.Reveal] writes.
func ParseSessionID(s string) (id SessionID, ok bool) {
	if len(s) != SessionText || s[:len(sessionPrefix)] != sessionPrefix {
		return id, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(s[len(sessionPrefix):len(sessionPrefix)+sessionRandom]))
	if err != nil || n != len(id) || id.Reveal() != s {
		return SessionID{}, false
	}
	return id, true
}

// Session is one browser that is signed in, or on the way.
type Session struct {
	// Hash is all that is kept of the id.
	Hash     [32]byte
	Merchant partner.MerchantID
	User     UserID
	Stage    Stage
	// Address is the network it was begun from, Client what the browser calls itself.
	Address, Client string
	CreatedAt, Seen time.Time
	// Proved is when the password was given last: what shows secrets asks for it
	// again after [ReauthTime].
	Proved time.Time
}

// clockSlack is how far clocks of processes may differ. What was noted later than
// that was noted before the clock was set back: it neither holds nor hinders.
const clockSlack = time.Minute

// within says whether less than d has passed since at.
func within(d time.Duration, at, now time.Time) bool {
	age := now.Sub(at)
	return age < d && age >= -clockSlack
}

// Live says whether the session counts at a time.
func (s *Session) Live(now time.Time) bool {
	if s.Stage == StageFactor {
		return within(FactorTime, s.CreatedAt, now)
	}
	return within(SessionIdle, s.Seen, now) && within(SessionLife, s.CreatedAt, now)
}

// Fresh says whether the password was given lately.
func (s *Session) Fresh(now time.Time) bool {
	return s.Stage == StageIn && within(ReauthTime, s.Proved, now)
}

// Number tells a person's sessions apart on pages, without telling the id.
func (s *Session) Number() string { return base64.RawURLEncoding.EncodeToString(s.Hash[:9]) }
