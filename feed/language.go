package feed

import (
	"fmt"
	"strings"
)

// Language is an ISO 639-2 language in its bibliographic three-letter form
// ("pol", "ger", "cze"), which IOF uses throughout (IOF-3.0 section 1). The
// zero Language means none was given.
type Language struct{ n uint8 } // index into languages, plus one

// ParseLanguage reads a language code in any form that is met in practice:
// bibliographic ("ger") or terminological ("deu") ISO 639-2, ISO 639-1 ("de"),
// in either case, with a region behind ("de-AT", "de_AT") that is ignored.
func ParseLanguage(s string) (Language, error) {
	// Most codes come exactly as this package writes them, and the table is
	// sorted by that form.
	lo, hi := 0, len(languages)
	for len(s) == 3 && lo < hi {
		mid := (lo + hi) / 2
		switch bib := languages[mid].bib; {
		case bib == s:
			return Language{uint8(mid + 1)}, nil
		case bib < s:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	code := s
	if i := strings.IndexAny(s, "-_"); i > 0 {
		code = s[:i]
	}
	if len(code) == 2 || len(code) == 3 {
		var b [3]byte
		for i := range len(code) {
			b[i] = code[i] | 0x20
		}
		low := string(b[:len(code)])
		for i := range languages {
			l := &languages[i]
			if l.bib == low || l.term == low || l.two == low {
				return Language{uint8(i + 1)}, nil
			}
		}
	}
	return Language{}, fmt.Errorf("%.40q is not a language code (ISO 639-2 such as pol, eng, ger)", s)
}

// MustLanguage is [ParseLanguage] for codes that stand in the program; it
// panics on any other.
func MustLanguage(s string) Language {
	l, err := ParseLanguage(s)
	if err != nil {
		panic(err)
	}
	return l
}

// IsZero says whether no language was given.
func (l Language) IsZero() bool { return l.n == 0 }

// String gives the three-letter bibliographic code, or "" for the zero Language.
func (l Language) String() string {
	if l.n == 0 {
		return ""
	}
	return languages[l.n-1].bib
}

// Tag gives the shortest BCP 47 tag ("pl", "csb"), or "" for the zero Language.
func (l Language) Tag() string {
	if l.n == 0 {
		return ""
	}
	if t := languages[l.n-1].two; t != "" {
		return t
	}
	return languages[l.n-1].bib
}

// MarshalText gives the code, for JSON and TOML.
func (l Language) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what [ParseLanguage] reads.
func (l *Language) UnmarshalText(b []byte) (err error) {
	*l, err = ParseLanguage(string(b))
	return err
}

// languages is ISO 639-2 as far as it has two-letter codes, and the further
// ones that shops of our users sell in, sorted by bibliographic code. Stored
// documents hold codes, never indexes into this table.
var languages = [...]struct{ bib, term, two string }{
	{"aar", "", "aa"},
	{"abk", "", "ab"},
	{"afr", "", "af"},
	{"aka", "", "ak"},
	{"alb", "sqi", "sq"},
	{"amh", "", "am"},
	{"ara", "", "ar"},
	{"arg", "", "an"},
	{"arm", "hye", "hy"},
	{"asm", "", "as"},
	{"ast", "", ""},
	{"ava", "", "av"},
	{"ave", "", "ae"},
	{"aym", "", "ay"},
	{"aze", "", "az"},
	{"bak", "", "ba"},
	{"bam", "", "bm"},
	{"baq", "eus", "eu"},
	{"bel", "", "be"},
	{"ben", "", "bn"},
	{"ber", "", ""},
	{"bis", "", "bi"},
	{"bos", "", "bs"},
	{"bre", "", "br"},
	{"bul", "", "bg"},
	{"bur", "mya", "my"},
	{"cat", "", "ca"},
	{"cha", "", "ch"},
	{"che", "", "ce"},
	{"chi", "zho", "zh"},
	{"chu", "", "cu"},
	{"chv", "", "cv"},
	{"cor", "", "kw"},
	{"cos", "", "co"},
	{"cre", "", "cr"},
	{"csb", "", ""},
	{"cze", "ces", "cs"},
	{"dan", "", "da"},
	{"div", "", "dv"},
	{"dsb", "", ""},
	{"dut", "nld", "nl"},
	{"dzo", "", "dz"},
	{"eng", "", "en"},
	{"epo", "", "eo"},
	{"est", "", "et"},
	{"ewe", "", "ee"},
	{"fao", "", "fo"},
	{"fij", "", "fj"},
	{"fil", "", ""},
	{"fin", "", "fi"},
	{"fre", "fra", "fr"},
	{"fry", "", "fy"},
	{"ful", "", "ff"},
	{"fur", "", ""},
	{"geo", "kat", "ka"},
	{"ger", "deu", "de"},
	{"gla", "", "gd"},
	{"gle", "", "ga"},
	{"glg", "", "gl"},
	{"glv", "", "gv"},
	{"gre", "ell", "el"},
	{"grn", "", "gn"},
	{"gsw", "", ""},
	{"guj", "", "gu"},
	{"hat", "", "ht"},
	{"hau", "", "ha"},
	{"heb", "", "he"},
	{"her", "", "hz"},
	{"hin", "", "hi"},
	{"hmo", "", "ho"},
	{"hrv", "", "hr"},
	{"hsb", "", ""},
	{"hun", "", "hu"},
	{"ibo", "", "ig"},
	{"ice", "isl", "is"},
	{"ido", "", "io"},
	{"iii", "", "ii"},
	{"iku", "", "iu"},
	{"ile", "", "ie"},
	{"ina", "", "ia"},
	{"ind", "", "id"},
	{"ipk", "", "ik"},
	{"ita", "", "it"},
	{"jav", "", "jv"},
	{"jpn", "", "ja"},
	{"kab", "", ""},
	{"kal", "", "kl"},
	{"kan", "", "kn"},
	{"kas", "", "ks"},
	{"kau", "", "kr"},
	{"kaz", "", "kk"},
	{"khm", "", "km"},
	{"kik", "", "ki"},
	{"kin", "", "rw"},
	{"kir", "", "ky"},
	{"kom", "", "kv"},
	{"kon", "", "kg"},
	{"kor", "", "ko"},
	{"kua", "", "kj"},
	{"kur", "", "ku"},
	{"lao", "", "lo"},
	{"lat", "", "la"},
	{"lav", "", "lv"},
	{"lim", "", "li"},
	{"lin", "", "ln"},
	{"lit", "", "lt"},
	{"ltz", "", "lb"},
	{"lub", "", "lu"},
	{"lug", "", "lg"},
	{"mac", "mkd", "mk"},
	{"mah", "", "mh"},
	{"mal", "", "ml"},
	{"mao", "mri", "mi"},
	{"mar", "", "mr"},
	{"may", "msa", "ms"},
	{"mlg", "", "mg"},
	{"mlt", "", "mt"},
	{"mon", "", "mn"},
	{"mul", "", ""},
	{"nau", "", "na"},
	{"nav", "", "nv"},
	{"nbl", "", "nr"},
	{"nde", "", "nd"},
	{"ndo", "", "ng"},
	{"nep", "", "ne"},
	{"nno", "", "nn"},
	{"nob", "", "nb"},
	{"nor", "", "no"},
	{"nya", "", "ny"},
	{"oci", "", "oc"},
	{"oji", "", "oj"},
	{"ori", "", "or"},
	{"orm", "", "om"},
	{"oss", "", "os"},
	{"pan", "", "pa"},
	{"per", "fas", "fa"},
	{"pli", "", "pi"},
	{"pol", "", "pl"},
	{"por", "", "pt"},
	{"pus", "", "ps"},
	{"que", "", "qu"},
	{"roh", "", "rm"},
	{"rom", "", ""},
	{"rum", "ron", "ro"},
	{"run", "", "rn"},
	{"rup", "", ""},
	{"rus", "", "ru"},
	{"sag", "", "sg"},
	{"san", "", "sa"},
	{"sco", "", ""},
	{"sin", "", "si"},
	{"slo", "slk", "sk"},
	{"slv", "", "sl"},
	{"sme", "", "se"},
	{"smo", "", "sm"},
	{"sna", "", "sn"},
	{"snd", "", "sd"},
	{"som", "", "so"},
	{"sot", "", "st"},
	{"spa", "", "es"},
	{"srd", "", "sc"},
	{"srp", "", "sr"},
	{"ssw", "", "ss"},
	{"sun", "", "su"},
	{"swa", "", "sw"},
	{"swe", "", "sv"},
	{"tah", "", "ty"},
	{"tam", "", "ta"},
	{"tat", "", "tt"},
	{"tel", "", "te"},
	{"tgk", "", "tg"},
	{"tgl", "", "tl"},
	{"tha", "", "th"},
	{"tib", "bod", "bo"},
	{"tir", "", "ti"},
	{"ton", "", "to"},
	{"tsn", "", "tn"},
	{"tso", "", "ts"},
	{"tuk", "", "tk"},
	{"tur", "", "tr"},
	{"twi", "", "tw"},
	{"uig", "", "ug"},
	{"ukr", "", "uk"},
	{"und", "", ""},
	{"urd", "", "ur"},
	{"uzb", "", "uz"},
	{"ven", "", "ve"},
	{"vie", "", "vi"},
	{"vol", "", "vo"},
	{"wel", "cym", "cy"},
	{"wln", "", "wa"},
	{"wol", "", "wo"},
	{"xho", "", "xh"},
	{"yid", "", "yi"},
	{"yor", "", "yo"},
	{"zha", "", "za"},
	{"zul", "", "zu"},
}
