package admin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"feedmill/feed/pricing"
	"feedmill/schema"
)

// families are messages whose last word is known only while the program runs,
// with every value that can stand there.
func families() map[string][]string {
	return map[string][]string{
		"date":          {"ago", "in"},
		"ago":           {"minutes", "hours", "days"},
		"in":            {"minutes", "hours", "days"},
		"span":          {"minutes", "hours", "days"},
		"role":          {"owner", "manager", "readonly", "partner", "operator", "key", "system"},
		"refusal":       {"unknown", "revoked", "expired", "suspended", "scope", "address", "sharing-off", "partner-blocked", "partner-feed-off", "offer-feed-off", "limit"},
		"download":      {"complete", "part", "unchanged", "broken", "refused"},
		"bool":          {"true", "false"},
		"base":          {"retail", "wholesale"},
		"lead":          {"net", "gross"},
		"discountof":    {"partner", "own", "none"},
		"assortment":    {"all", "some", "stock"},
		"dialect":       {"default_namespace", "escaped_text", "single_language", "one_size_zero", "swap_codes", "no_bundles", "full_without_stock", "all_extensions"},
		"link.done":     {"revoke", "suspend", "resume"},
		"outcome":       {"running", "published", "unchanged", "held", "failed", "lost"},
		"job":           {"publish", "sweep", "tend", "sweep_orphans", "import"},
		"jobstate":      {"waiting", "running", "retrying", "done", "cancelled", "failed"},
		"kind":          {"full", "light", "full_change", "gateway", "categories", "sizes", "producers", "units", "parameters", "stocks", "series", "warranties", "preset", "full.csv", "light.csv"},
		"pstate":        {"active", "on", "none", "off", "blocked", "stale"},
		"link.state":    {"live", "revoked", "expired", "suspended"},
		"partners.done": {"on", "off", "blocked", "unblocked", "orders.on", "orders.off", "on.of", "off.of", "blocked.of", "unblocked.of", "orders.on.of", "orders.off.of"},
		"act":           {"partner.create", "partner.update", "partner.delete", "partner.feed.on", "partner.feed.off", "partner.orders.on", "partner.orders.off", "partner.block", "partner.unblock", "partner.tag", "partner.schedule", "offer.create", "offer.update", "offer.delete", "offer.feed.on", "offer.feed.off", "offer.orders.on", "offer.orders.off", "offer.schedule", "link.create", "link.rotate", "link.update", "link.revoke", "link.suspend", "link.resume", "link.expire", "link.alarm", "merchant.create", "merchant.update", "merchant.sharing.on", "merchant.sharing.off", "shop.create", "shop.update", "shop.delete", "key.create", "key.revoke", "user.create", "user.update", "user.role", "user.disable", "user.enable", "user.password", "user.factor.on", "user.factor.off", "catalog.write", "catalog.import", "feed.held.release", "feed.held.discard", "feed.epoch", "rate.set", "rate.delete", "pricelist.create", "pricelist.update", "pricelist.delete", "pricelist.prices", "catalog.dictionaries", "publish.ask", "publish.run", "job.cancel", "job.retry"},
		"fact":          {"name", "email", "phone", "language", "currency", "wholesaler", "discounts", "tags", "notes", "state", "feed", "orders", "schedule", "profile", "files", "partner_discounts", "sharing", "role", "number", "cidrs", "expires", "second_factor", "login", "disabled", "from", "to", "rate", "gross", "added", "changed", "removed", "prices", "partner", "shop", "offer", "replaces", "revoked", "suspended", "scopes", "password", "reveal", "supplier", "vat", "base_url", "zone_minutes", "stale_after", "alarm_addresses", "alarm_suspends", "addresses", "day", "version", "products", "full", "joined", "generations", "generation", "held", "attempt", "attempts", "due", "kind", "run", "base", "reason", "epoch", "above", "after"},
		"weak":          {"short", "long", "common", "obvious"},
		"reason":        {"not-included", "excluded", "no-sizes", "no-rate", "no-price", "price-vanishes", "overflow", "out-of-stock", "not-listed"},
		"importstate":   {"reading", "ready", "refused", "merging", "done", "failed", "discarded"},
		"diff":          {"added", "changed", "removed"},
		"steps":         {"catalog", "catalog.why", "partner", "partner.why", "link", "link.why"},
		"note":          noteCodes(),
		"finding":       {"XML", schema.RuleRoot, schema.RuleNotAllowed, schema.RuleRepeated, schema.RuleOrder, schema.RuleMissing, schema.RuleText, schema.RuleValue, schema.RuleAttrMissing, schema.RuleAttrForbidden, schema.RuleNil, schema.RuleType},
		"told":          newPhrases().Codes(),
		"rulefield":     {"category", "producer", "product", "tag"},
		"unmatched.is":  {"language", "warehouse", "warehouses", "category", "producer", "product", "tag"},
		"unmatched.so":  {"no-text", "not-counted", "no-stock", "no-discount", "lets-nothing-in", "empty", "leaves-nothing-out"},
		"step":          {"base", "rate", "discount", "floor", "rounding", "VAT", "stock"},
	}
}

var (
	quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	verb   = regexp.MustCompile(`%\[(\d)\]([ds])|%%|%`)
	action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
)

// named gives every text constant of the package's code and templates.
func named(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					found[s] = true
				}
			}
			return true
		})
	}
	for _, pattern := range []string{"templates/*.html", "parts/*.html"} {
		names, err := fs.Glob(templateFiles, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := templateFiles.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range action.FindAllString(string(text), -1) {
				for _, m := range quoted.FindAllStringSubmatch(a, -1) {
					found[m[1]] = true
				}
			}
		}
	}
	return found
}

func noteCodes() (codes []string) {
	for _, c := range pricing.NoteCodes() {
		codes = append(codes, string(c))
	}
	return codes
}

// TestNotesSayAll holds the words of every remark in an explanation against its
// English: they take all its arguments and no others, in each language.
func TestNotesSayAll(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	missing := regexp.MustCompile(`%!(\w)\(MISSING\)`)
	for _, code := range pricing.NoteCodes() {
		var args []any
		for i, m := range missing.FindAllStringSubmatch(pricing.Note{Code: code}.String(), -1) {
			if m[1] == "d" {
				args = append(args, 70+i)
			} else {
				args = append(args, "text-"+strconv.Itoa(i))
			}
		}
		if pricing.NoteCode((pricing.Note{Code: code, Args: args}).String()) == code {
			t.Errorf("%s has no English text", code)
		}
		for _, tg := range tongues() {
			s := &speaker{words: words, lang: tg.Code}
			got := s.note(pricing.Note{Code: code, Args: args})
			if strings.Contains(got, "%!") || strings.Contains(got, "note.") {
				t.Errorf("%s in %s: got %q", code, tg.Code, got)
			}
			for _, a := range args {
				if text := words.printers[tg.Code].Sprint(a); !strings.Contains(got, text) {
					t.Errorf("%s in %s: got %q without %q", code, tg.Code, got, text)
				}
			}
		}
	}
	s := &speaker{words: words, lang: "pl"}
	if got := s.notes([]pricing.Note{{Code: "list-price"}, {Code: "of-product"}, {Code: "net"}}); got != "cena katalogowa, z produktu, netto" {
		t.Errorf("got %q", got)
	}
	if got := s.note(pricing.Note{Code: "less-category", Args: []any{pricing.Number("12.5"), "Rowery"}}); got != "minus 12,5 % na kategorię „Rowery”" {
		t.Errorf("got %q", got)
	}
	if got := s.note(pricing.Note{Code: "exclude", Args: []any{1, 2, pricing.NameTag, "old"}}); got != "pasuje reguła wykluczająca 1 z 2: etykieta „old”" {
		t.Errorf("got %q", got)
	}
}

// What an import says is told in the language of a page, and what is known in
// English alone is marked as such.
func TestImportsAreTold(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	phrases := newPhrases()
	for _, c := range []struct{ lang, text, want string }{
		{"pl", `"12;5O" is not a decimal number (digits with an optional decimal point)`, "„12;5O” nie jest liczbą: podaj cyfry, z kropką przed miejscami dziesiętnymi"},
		{"ru", "is missing", "отсутствует"},
		{"sl", `"<b>" occurs twice`, "»&lt;b&gt;« se pojavi dvakrat"},
		{"el", "has 5 fields, the header has 1 column", "πεδία στη γραμμή: 5, στήλες στην κεφαλίδα: 1"},
		{"pl", "want a value, but the text <ends>", `<span lang="en">want a value, but the text &lt;ends&gt;</span>`},
		{"pl", `"7" is not known and has no name`, "„7” jest nieznane i nie ma nazwy"},
		{"pl", "give its name, or a producer line before the product", "podaj nazwę"},
		{"pl", "a.csv: is encoded in UTF-16 (little endian)", "a.csv jest zapisany w UTF-16"},
		{"en", "is <missing>", "is &lt;missing&gt;"},
	} {
		if got := (&speaker{words: words, lang: c.lang}).teller(phrases)(c.text); string(got) != c.want {
			t.Errorf("%s: %q: got %s, want %s", c.lang, c.text, got, c.want)
		}
	}
	for _, code := range phrases.Codes() {
		for _, tg := range tongues() {
			s := &speaker{words: words, lang: tg.Code}
			if got := s.T("told."+code, []any{"a", "b", "c", "d"}); strings.Contains(strings.Split(got, "%!(EXTRA")[0], "%!") {
				t.Errorf("%s in %s: got %q", code, tg.Code, got)
			}
		}
	}
}

// TestMessagesAreWhole reads all messages: each is there in every language, is
// used somewhere, and takes the same arguments in each language.
func TestMessagesAreWhole(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon() // refuses what is missing in a language
	if err != nil {
		t.Fatal(err)
	}
	used := named(t)
	for family, values := range families() {
		for _, v := range values {
			key := family + "." + v
			if !words.has(key) {
				t.Errorf("message %q is missing", key)
			}
			used[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(words.words)) {
		if !used[key] {
			t.Errorf("message %q is used nowhere", key)
		}
		var first string
		for _, tg := range tongues() {
			for form, text := range forms(words.words[key][tg.Code]) {
				args := map[string]bool{}
				for _, m := range verb.FindAllStringSubmatch(text, -1) {
					if m[0] == "%" {
						t.Errorf("message %q in %s: %q has a %% that is no argument", key, tg.Code, text)
					}
					if m[1] != "" {
						args[m[1]+m[2]] = true
					}
				}
				list := strings.Join(slices.Sorted(maps.Keys(args)), " ")
				if tg.Code == "en" && (form == "" || form == "other") {
					first = list
				}
				if list != first && form != "one" && form != "two" {
					t.Errorf("message %q in %s (%s) takes the arguments %q, in English %q", key, tg.Code, form, list, first)
				}
				if strings.TrimSpace(text) == "" {
					t.Errorf("message %q in %s is empty", key, tg.Code)
				}
			}
		}
	}
}

// TestNamedMessagesExist finds what looks like a message and is none.
func TestNamedMessagesExist(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]bool{}
	for key := range words.words {
		prefix, _, _ := strings.Cut(key, ".")
		prefixes[prefix] = true
	}
	looks := regexp.MustCompile(`^([a-z]+)\.[a-z]+(\.[a-z]+)*$`)
	for text := range named(t) {
		m := looks.FindStringSubmatch(text)
		if m == nil || !prefixes[m[1]] || words.has(text) || notMessages[text] || families()[text] != nil {
			continue
		}
		if strings.HasSuffix(text, ".html") || strings.HasSuffix(text, ".js") || strings.HasSuffix(text, ".css") {
			continue
		}
		t.Errorf("%q looks like a message and is none", text)
	}
}

// notMessages are texts that only look like messages.
var notMessages = map[string]bool{"partner.feed.off": true, "offer.update": true}

// forms gives the texts of a message by plural form, "" for one without.
func forms(v any) map[string]string {
	switch v := v.(type) {
	case string:
		return map[string]string{"": v}
	case map[string]any:
		out := map[string]string{}
		for form, text := range v {
			out[form], _ = text.(string)
		}
		return out
	}
	return nil
}

func TestPluralForms(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 day"}, {"en", 2, "2 days"},
		{"pl", 1, "1 dzień"}, {"pl", 3, "3 dni"}, {"pl", 5, "5 dni"}, {"pl", 22, "22 dni"},
		{"sl", 1, "1 dan"}, {"sl", 2, "2 dneva"}, {"sl", 3, "3 dnevi"}, {"sl", 5, "5 dni"}, {"sl", 101, "101 dan"}, {"sl", 102, "102 dneva"},
		{"el", 1, "1 ημέρα"}, {"el", 7, "7 ημέρες"},
		{"ru", 1, "1 день"}, {"ru", 4, "4 дня"}, {"ru", 11, "11 дней"}, {"ru", 21, "21 день"},
	} {
		if got := words.say(test.lang, "span.days", test.n); got != test.want {
			t.Errorf("%d days in %s: got %q, want %q", test.n, test.lang, got, test.want)
		}
	}
}

// TestTimesAgo writes moments before and after now: what is counted stands in the
// case and number that each language wants there.
func TestTimesAgo(t *testing.T) {
	t.Parallel()
	words, err := loadLexicon()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		lang string
		ago  time.Duration // below zero for what is still to come
		want string
	}{
		{"en", 0, "just now"}, {"en", 59 * time.Second, "just now"}, {"en", 75 * time.Second, "75\u00a0s ago"},
		{"en", 2 * time.Minute, "2 minutes ago"}, {"en", 2 * time.Hour, "2 hours ago"}, {"en", -49 * time.Hour, "in 2 days"}, {"en", -30 * time.Second, "in 30\u00a0s"},
		{"pl", 2 * time.Minute, "2 minuty temu"}, {"pl", 21 * time.Minute, "21 minut temu"}, {"pl", 22 * time.Minute, "22 minuty temu"}, {"pl", 5 * time.Hour, "5 godzin temu"},
		{"pl", -3 * time.Hour, "za 3 godziny"}, {"pl", -3 * 24 * time.Hour, "za 3 dni"},
		{"sl", 75 * time.Second, "pred 75\u00a0s"}, {"sl", 2 * time.Minute, "pred 2 minutama"}, {"sl", 3 * time.Minute, "pred 3 minutami"}, {"sl", 60 * time.Minute, "pred 60 minutami"},
		{"sl", 101 * time.Minute, "pred 101 minuto"}, {"sl", 102 * time.Minute, "pred 102 minutama"}, {"sl", 2 * time.Hour, "pred 2 urama"}, {"sl", 4 * time.Hour, "pred 4 urami"}, {"sl", 47 * time.Hour, "pred 47 urami"},
		{"sl", 2 * 24 * time.Hour, "pred 2 dnevoma"}, {"sl", 3 * 24 * time.Hour, "pred 3 dnevi"}, {"sl", 5 * 24 * time.Hour, "pred 5 dnevi"}, {"sl", 101 * 24 * time.Hour, "pred 101 dnevom"},
		{"sl", -2 * time.Minute, "čez 2 minuti"}, {"sl", -3 * time.Minute, "čez 3 minute"}, {"sl", -5 * time.Minute, "čez 5 minut"}, {"sl", -101 * time.Minute, "čez 101 minuto"},
		{"sl", -2 * time.Hour, "čez 2 uri"}, {"sl", -3 * time.Hour, "čez 3 ure"}, {"sl", -5 * time.Hour, "čez 5 ur"}, {"sl", -2 * 24 * time.Hour, "čez 2 dneva"}, {"sl", -3 * 24 * time.Hour, "čez 3 dni"},
		{"el", 5 * time.Minute, "πριν από 5 λεπτά"}, {"el", 3 * time.Hour, "πριν από 3 ώρες"}, {"el", -2 * 24 * time.Hour, "σε 2 ημέρες"},
		{"ru", 2 * time.Minute, "2 минуты назад"}, {"ru", 5 * time.Minute, "5 минут назад"}, {"ru", 21 * time.Minute, "21 минуту назад"}, {"ru", 21 * time.Hour, "21 час назад"}, {"ru", 2 * 24 * time.Hour, "2 дня назад"},
		{"ru", -11 * time.Hour, "через 11 часов"}, {"ru", -21 * 24 * time.Hour, "через 21 день"},
	} {
		s := &speaker{words: words, lang: test.lang, zone: time.UTC, now: func() time.Time { return now }}
		if got := s.ago(now.Add(-test.ago)); got != test.want {
			t.Errorf("%v ago in %s: got %q, want %q", test.ago, test.lang, got, test.want)
		}
	}
}
