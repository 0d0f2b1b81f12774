package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"feedmill/feed"
)

// Limits of passwords, in characters. There are no rules of
// composition: length and not being common are what counts.
const (
	minPassword = 10
	maxPassword = 128
)

// Cost is what a guess costs.
type Cost struct {
	// MemoryKiB is the memory, Passes how often it is gone through, Lanes how many
	// processors work at once.
	MemoryKiB, Passes uint32
	Lanes             uint8
}

// defaultCost is OWASP's first choice for argon2id: 46 MiB in one pass.
func defaultCost() Cost { return Cost{MemoryKiB: 46 << 10, Passes: 1, Lanes: 1} }

const (
	saltBytes = 16
	hashBytes = 32
	// maxMemoryKiB bounds what a stored hash may ask for.
	maxMemoryKiB = 1 << 20
	maxPasses    = 64
)

// Hasher hashes passwords by argon2id, a few at a time: each takes its memory.
type Hasher struct {
	cost  Cost
	slots chan struct{}
}

// NewHasher makes a hasher; atOnce is how many hashes are computed at a time.
func NewHasher(cost Cost, atOnce int) *Hasher {
	return &Hasher{cost: cost, slots: make(chan struct{}, max(1, atOnce))}
}

func (h *Hasher) key(ctx context.Context, password string, salt []byte, c Cost) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, c.Passes, c.MemoryKiB, c.Lanes, hashBytes), nil
}

// Hash gives the stored form of a password, its parameters included.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	var salt [saltBytes]byte
	rand.Read(salt[:]) // never fails
	key, err := h.key(ctx, password, salt[:], h.cost)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.MemoryKiB, h.cost.Passes, h.cost.Lanes, b64(salt[:]), b64(key)), nil
}

// Check says whether a password is the one behind a stored form, and whether
// the form is of another cost than the present one and should be made anew. A
// stored form of "" matches nothing and takes as long as another.
func (h *Hasher) Check(ctx context.Context, stored, password string) (right, renew bool, err error) {
	if stored == "" {
		_, err := h.key(ctx, password, make([]byte, saltBytes), h.cost)
		return false, false, err
	}
	c, salt, want, err := parseHash(stored)
	if err != nil {
		return false, false, err
	}
	got, err := h.key(ctx, password, salt, c)
	if err != nil {
		return false, false, err
	}
	right = subtle.ConstantTimeCompare(got, want) == 1
	return right, right && c != h.cost, nil
}

// parseHash reads what [Hasher.Hash] writes.
func parseHash(s string) (c Cost, salt, key []byte, err error) {
	damaged := feed.Errorf(feed.KindInternal, "a stored password is damaged")
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, damaged
	}
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil || n != 3 ||
		part[3] != fmt.Sprintf("m=%d,t=%d,p=%d", c.MemoryKiB, c.Passes, c.Lanes) {
		return c, nil, nil, damaged
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(part[4])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(part[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(key) != hashBytes || c.MemoryKiB == 0 || c.MemoryKiB > maxMemoryKiB ||
		c.Passes == 0 || c.Passes > maxPasses || c.Lanes == 0 {
		return c, nil, nil, damaged
	}
	return c, salt, key, nil
}

//go:embed common.txt
var commonText string

// Weakness says what is wrong with a new password.
type Weakness string

// The weaknesses. Strong is none.
const (
	Strong     Weakness = ""
	TooShort   Weakness = "short"
	TooLong    Weakness = "long"
	TooCommon  Weakness = "common"
	TooObvious Weakness = "obvious"
)

// Judge says what is wrong with a new password of somebody with this login.
func Judge(password, login string) Weakness {
	n := utf8.RuneCountInString(password)
	lower := strings.ToLower(password)
	name, _, _ := strings.Cut(login, "@")
	switch {
	case n < minPassword:
		return TooShort
	case n > maxPassword || !utf8.ValidString(password):
		return TooLong
	case common(lower), common(unpadded(lower)):
		return TooCommon
	case strings.Count(lower, lower[:1]) == len(lower), lower == login, len(name) > 3 && strings.Trim(strings.Replace(lower, name, "", 1), "0123456789!.-_@") == "":
		return TooObvious
	}
	return Strong
}

// unpadded gives a password without the few digits and signs that people put
// behind a word to make it long enough.
func unpadded(s string) string {
	for range 4 {
		if s == "" || !strings.ContainsRune("0123456789!?.,-_*#@$%&+", rune(s[len(s)-1])) {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// common says whether a password is on the list of those that guessers try first.
func common(lower string) bool {
	rest := commonText
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		if rest = after; line == lower && !strings.HasPrefix(line, "#") {
			return true
		}
	}
	return false
}
