package catalog

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"feedmill/feed"
)

// DeriveID gives the id of a product that has only a key: 1 plus the first 52
// bits of the key's SHA-256, so that the same key always has the same id and
// every id is exact in a double-precision number.
func DeriveID(key string) feed.ProductID {
	sum := sha256.Sum256([]byte(key))
	return feed.ProductID(binary.BigEndian.Uint64(sum[:8])>>12) + 1
}

// entryKind is a kind of dictionary entry. Its name is part of derived ids and
// must never change.
type entryKind uint8

const (
	kindProducer entryKind = iota
	kindCategory
	kindUnit
	kindSeries
	kindWarranty
	kindSizeGroup
	kindSize
	kindSection
	kindParameter
	kindValue
	kindWarehouse
	kindTaxonomy
	entryKinds
)

var entryNames = [entryKinds]string{"producer", "category", "unit", "series", "warranty", "size_group", "size", "section", "parameter", "value", "warehouse", "taxonomy"}

func (k entryKind) String() string { return entryNames[k] }

// deriveEntryID gives the id of a dictionary entry that has only a name: the
// rule of [DeriveID] over kind, scope and name with NUL between them. The scope
// is the id of what the name is unique in: a size's group, a value's parameter.
func deriveEntryID(k entryKind, scope, name string) string {
	key := k.String() + "\x00" + scope + "\x00" + name
	return strconv.FormatInt(int64(DeriveID(key)), 10)
}

// names resolves names to ids: those of dictionary entries that were read
// before, else derived ones. Its memory grows with distinct names.
type names struct {
	ids     [entryKinds]map[string]string
	scratch []byte
}

// add makes the name denote the id, unless it denotes another already.
func (n *names) add(k entryKind, scope, name, id string) {
	if n.ids[k] == nil {
		n.ids[k] = make(map[string]string)
	}
	key := scope + "\x00" + name
	if _, ok := n.ids[k][key]; !ok {
		n.ids[k][key] = strings.Clone(id)
	}
}

// find gives the id of a name.
func (n *names) find(k entryKind, scope, name string) (string, bool) {
	n.scratch = append(append(append(n.scratch[:0], scope...), 0), name...)
	id, ok := n.ids[k][string(n.scratch)]
	return id, ok
}

// id gives the id of a name, derived if need be.
func (n *names) id(k entryKind, scope, name string) string {
	if id, ok := n.find(k, scope, name); ok {
		return id
	}
	id := deriveEntryID(k, scope, name)
	n.add(k, scope, name, id)
	return id
}

// sizeID gives the id of a size that has only a name: the name itself when it
// is a short token of letters and digits ("XL", "42", "38.5"), else derived.
func (n *names) sizeID(group, name string) string {
	if id, ok := n.find(kindSize, group, name); ok {
		return id
	}
	if isPlainToken(name) {
		return name
	}
	return n.id(kindSize, group, name)
}

// isPlainToken says whether s is a short id of ASCII letters, digits, dots and
// hyphens, as the format advises for ids (IOF 1).
func isPlainToken(s string) bool {
	if s == "" || len(s) > 15 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '.' || c == '-' || c == '_')) {
			return false
		}
	}
	return true
}
