package fsstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"feedmill/storage"
)

// entry is the content of an entry file.
type entry struct {
	Version   int       `json:"v"` // 1
	Token     string    `json:"token"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	Type      string    `json:"type"`
	Encoding  string    `json:"encoding,omitempty"`
	Immutable bool      `json:"immutable,omitempty"`
	Modified  time.Time `json:"modified"`

	sum storage.Digest // SHA256 parsed
}

// errFolder means that a folder stands where an entry was looked for.
var errFolder = errors.New("is a folder")

// maxEntry is more than an entry can need: 255 bytes of each attribute, each
// byte escaped, and a little.
const maxEntry = 8 << 10

func encodeEntry(info storage.Info, token string) (string, error) {
	b, err := json.Marshal(entry{
		Version: 1, Token: token, Size: info.Size, SHA256: info.SHA256.String(),
		Type: info.ContentType, Encoding: info.ContentEncoding,
		Immutable: info.Immutable, Modified: info.Modified,
	})
	if err != nil {
		return "", fmt.Errorf("encode attributes: %w", err)
	}
	return string(b) + "\n", nil
}

func decodeEntry(b []byte) (entry, error) {
	var e entry
	// The line end tells a whole entry from the beginning of one.
	text, ok := bytes.CutSuffix(b, []byte("\n"))
	if !ok || len(b) > maxEntry {
		return entry{}, fmt.Errorf("entry of %d bytes is not one line: %w", len(b), storage.ErrDamaged)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return entry{}, fmt.Errorf("entry (%w): %w", err, storage.ErrDamaged)
	}
	var err error
	if e.sum, err = storage.ParseDigest(e.SHA256); err != nil {
		return entry{}, fmt.Errorf("entry (%w): %w", err, storage.ErrDamaged)
	}
	if e.Version != 1 || e.Size < 0 || !isToken(e.Token) {
		return entry{}, fmt.Errorf("entry of version %d, size %d, token %q: %w", e.Version, e.Size, e.Token, storage.ErrDamaged)
	}
	return e, nil
}

// isToken keeps a forged entry from naming a file elsewhere.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 40
}

func (e entry) info(key string) storage.Info {
	return storage.Info{
		Key: key, Size: e.Size, Modified: e.Modified,
		Attrs: storage.Attrs{
			ContentType: e.Type, ContentEncoding: e.Encoding,
			Immutable: e.Immutable, SHA256: e.sum,
		},
	}
}

// readEntry reads the entry of key. The errors are fs.ErrNotExist, ENOTDIR when
// a parent is a file, errFolder, storage.ErrDamaged, and those of the system.
func (s *Store) readEntry(key string) (entry, error) {
	f, err := s.fsys.OpenFile(key, os.O_RDONLY, 0)
	if errors.Is(err, syscall.EISDIR) {
		return entry{}, errFolder
	}
	if err != nil {
		return entry{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return entry{}, err
	}
	if st.IsDir() {
		return entry{}, errFolder
	}
	b, err := io.ReadAll(io.LimitReader(f, maxEntry+1))
	if err != nil {
		return entry{}, fmt.Errorf("read attributes: %w", err)
	}
	return decodeEntry(b)
}

// checkData compares the data file with its entry.
func checkData(st fs.FileInfo, e entry) error {
	if !st.Mode().IsRegular() || st.Size() != e.Size {
		return fmt.Errorf("data file %q has %d bytes instead of %d: %w", st.Name(), st.Size(), e.Size, storage.ErrDamaged)
	}
	return nil
}
