package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"feedmill/feed"
	"feedmill/internal/durable"
)

// SealKeyBytes is the length of a [Sealer]'s key.
const SealKeyBytes = 32

// Sealer keeps secrets that must be read again, such as the key of a second
// factor: sealed by a key that is not where they are.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes a sealer from a key of [SealKeyBytes] bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != SealKeyBytes {
		return nil, feed.Errorf(feed.KindInvalid, "a key for sealing has %d bytes, not %d", SealKeyBytes, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make sealer: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make sealer: %w", err)
	}
	return &Sealer{aead}, nil
}

// OpenSealer reads the key from a file, which holds it as it is or as 64
// hexadecimal digits, and is made with a random one where it is missing.
func OpenSealer(path string) (*Sealer, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, SealKeyBytes)
		rand.Read(key) // never fails
		key, err = writeOnce(path, key)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key for second factors: %w", err)
	}
	if text := bytes.TrimSpace(key); len(text) == hex.EncodedLen(SealKeyBytes) {
		raw := make([]byte, SealKeyBytes)
		if _, err := hex.Decode(raw, text); err == nil {
			key = raw
		}
	}
	s, err := NewSealer(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// writeOnce writes a new file, or gives what another process has written first.
func writeOnce(path string, key []byte) (_ []byte, err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-") // made readable for its owner alone
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	_, err = tmp.Write(key)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	switch err := durable.LinkFile(tmp.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return os.ReadFile(path)
	case err != nil:
		return nil, err
	}
	return key, nil
}

// seal seals a secret for one owner: it cannot be opened as somebody else's.
func (s *Sealer) seal(secret []byte, owner UserID) []byte {
	return s.aead.Seal(nil, nil, secret, []byte(owner))
}

// open gives a sealed secret.
func (s *Sealer) open(sealed []byte, owner UserID) ([]byte, error) {
	secret, err := s.aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return nil, &feed.Error{Kind: feed.KindInternal, Message: "the second factor of " + string(owner) + " cannot be opened", Err: err,
			Hint: "the key file is not the one it was sealed with; 'feedmill user reset --second-factor' takes the factor away"}
	}
	return secret, nil
}
