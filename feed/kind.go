package feed

import (
	"fmt"
	"strings"
)

// Kind is a kind of file in an offer (IOF-3.0 section 1).
type Kind uint8

// The kinds, in the order in which a gateway names them (IOF 2.1).
const (
	KindGateway Kind = iota + 1
	KindFull
	KindFullChange
	KindLight
	KindCategories
	KindSizes
	KindProducers
	KindUnits
	KindParameters
	KindStocks
	KindSeries
	KindWarranties
	KindPreset
	// KindFullCSV and KindLightCSV are the two files of the CSV flavour (section 9).
	KindFullCSV
	KindLightCSV
)

var kindNames = [...]string{"", "gateway", "full", "full_change", "light", "categories", "sizes", "producers",
	"units", "parameters", "stocks", "series", "warranties", "preset", "full.csv", "light.csv"}

// DictionaryKinds lists the kinds that hold dictionaries and presets, in gateway order.
func DictionaryKinds() []Kind {
	return []Kind{KindCategories, KindSizes, KindProducers, KindUnits, KindParameters, KindStocks, KindSeries, KindWarranties, KindPreset}
}

// String gives the name as addresses and type= parameters write it; the CSV
// kinds carry their ending.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return ""
	}
	return kindNames[k]
}

// MarshalText gives the name, for JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name.
func (k *Kind) UnmarshalText(b []byte) error {
	for i := KindGateway; i <= KindLightCSV; i++ {
		if kindNames[i] == string(b) {
			*k = i
			return nil
		}
	}
	return fmt.Errorf("%.40q is not a kind of file", b)
}

// ContentType gives the media type of files of this kind.
func (k Kind) ContentType() string {
	if k == KindFullCSV || k == KindLightCSV {
		return "text/csv; charset=utf-8"
	}
	return "application/xml; charset=utf-8"
}

// FileName gives the name of the file of this kind; label is the stamp of a
// change file and ignored for every other kind.
func (k Kind) FileName(label string) string {
	switch k {
	case KindFullCSV, KindLightCSV:
		return k.String()
	case KindFullChange:
		return k.String() + label + ".xml"
	}
	return k.String() + ".xml"
}

// ParseFileName is the inverse of [Kind.FileName]; ok is false for any other name.
func ParseFileName(name string) (k Kind, label string, ok bool) {
	for i := KindGateway; i <= KindLightCSV; i++ {
		if i != KindFullChange && i.FileName("") == name {
			return i, "", true
		}
	}
	if l, found := strings.CutPrefix(name, kindNames[KindFullChange]); found {
		if l, found = strings.CutSuffix(l, ".xml"); found && IsLabel(l) {
			return KindFullChange, l, true
		}
	}
	return 0, "", false
}
