package iof

import (
	"strings"
	"unicode"
)

// namelessSupplier stands where nothing of a name can be written in ASCII.
const namelessSupplier = "supplier"

// FoldName writes a name with the characters that the gateway's schema admits,
// `[a-zA-Z0-9_ \-]+` (IOF 2.2): Latin letters lose their marks (German umlauts
// become ae, oe, ue), Greek and Cyrillic ones are transliterated, other signs
// become blanks, and blanks stand single and inside only. It is never empty.
func FoldName(s string) string {
	if f := fold(s); f != "" {
		return f
	}
	return namelessSupplier
}

// FoldShortName is [FoldName] with underscores for blanks: importers take the
// short name for a key.
func FoldShortName(s string) string { return strings.ReplaceAll(FoldName(s), " ", "_") }

func fold(s string) string {
	var b strings.Builder
	gap := false
	put := func(t string) {
		if t == "" {
			return
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteString(t)
	}
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-':
			put(string(r))
			continue
		case r == '.' || r == '\'' || r == '’' || unicode.Is(unicode.Mn, r):
			continue // "o.o." is read as one word, and so are marks and their letter
		case r >= 0x2010 && r <= 0x2015:
			put("-")
			continue
		}
		low := unicode.ToLower(r)
		t, ok := foldLetter(low)
		if i > 0 && (low == 'υ' || low == 'ύ') && (runes[i-1] == 'ο' || runes[i-1] == 'Ο') {
			t = "u" // ου is one sound
		}
		switch {
		case !ok && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			continue // a script that is not known here
		case !ok:
			gap = true
			continue
		}
		if low != r && t != "" {
			// A word all in capitals keeps them, else only the first letter is one.
			next := i+1 < len(runes) && unicode.IsUpper(runes[i+1])
			before := i > 0 && unicode.IsUpper(runes[i-1])
			if next || before {
				t = strings.ToUpper(t)
			} else {
				t = strings.ToUpper(t[:1]) + t[1:]
			}
		}
		put(t)
	}
	return b.String()
}

// foldTable pairs small letters with what they become, "" for nothing.
const foldTable = `ą a á a à a â a ã a ă a ā a å a ä ae æ ae ć c č c ç c ĉ c ċ c ď d đ d ð d ę e é e è e ê e ë e ě e ē e ė e ĕ e
ğ g ģ g ĝ g ġ g ĥ h ħ h í i ì i î i ï i ī i į i ı i ĩ i ĵ j ķ k ł l ľ l ĺ l ļ l ŀ l ń n ň n ñ n ņ n ŋ n
ó o ò o ô o õ o ő o ō o ø o ö oe œ oe ŕ r ř r ŗ r ś s š s ş s ș s ŝ s ß ss ť t ţ t ț t ŧ t þ th
ú u ù u û u ů u ű u ū u ų u ũ u ŭ u ü ue ŵ w ý y ÿ y ŷ y ź z ž z ż z
α a ά a β v γ g δ d ε e έ e ζ z η i ή i θ th ι i ί i ϊ i ΐ i κ k λ l μ m ν n ξ x ο o ό o π p ρ r σ s ς s τ t
υ y ύ y ϋ y ΰ y φ f χ ch ψ ps ω o ώ o
а a б b в v г g ґ g д d е e ё e є ie ж zh з z и i і i ї i й i к k л l м m н n о o п p р r с s т t у u ў u ф f х kh
ц ts ч ch ш sh щ shch ъ - ы y ь - э e ю yu я ya ђ dj ѓ g ѕ dz ј j љ lj њ nj ћ c ќ k џ dz`

// foldLetter gives what a small letter beyond ASCII becomes.
func foldLetter(low rune) (string, bool) {
	if low >= 'a' && low <= 'z' {
		return string(low), true // the dotted capital I of Turkish
	}
	i := strings.Index(foldTable, string(low)+" ")
	if i < 0 || low < 0x80 {
		return "", false
	}
	rest := foldTable[i+len(string(low))+1:]
	t := rest[:strings.IndexAny(rest+" ", " \n")]
	if t == "-" {
		return "", true
	}
	return t, true
}
