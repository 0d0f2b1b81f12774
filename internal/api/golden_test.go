package api_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/api"
	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden sends the lists of requests in testdata/http to the API on each
// database and compares the answers, byte for byte. A list is steps:
//
//	> METHOD /path          begins a request; "> Name: value" lines are headers
//	body                    until a line that begins with "<"
//	< status                begins the answer: headers, then the body
//	@word …                 does something beside the API
//
// What is random has names: the first id of a partner is $p1, secrets are $key1,
// and so on, in requests and in answers.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/http/*.http")
	check(t, err)
	if len(files) == 0 {
		t.Fatal("there are no lists")
	}
	specs := make([]*spec, 0, len(files)*len(databases))
	t.Run("lists", func(t *testing.T) {
		for _, database := range databases {
			for _, file := range files {
				w := setupFor(t, database)
				specs = append(specs, w.spec)
				t.Run(database+"/"+strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
					w.t = t
					runGolden(t, w, file, *update && database == "sqlite")
				})
			}
		}
	})
	// Everything that the document promises was seen to succeed.
	seen := map[string]bool{}
	for _, s := range specs {
		for k := range s.seen {
			seen[k] = true
		}
	}
	for _, o := range specs[0].operations() {
		if !seen[o.method+" "+o.path+" "+o.success()] {
			t.Errorf("no list has %s %s succeed with %s", o.method, o.path, o.success())
		}
	}
}

func setupFor(t *testing.T, database string) *world { return setup(t, database, api.Options{}) }

var randomText = []struct {
	name string
	re   *regexp.Regexp
}{
	{"secret", regexp.MustCompile(`fm[1k]_[0-9A-Za-z]{65}`)},
	{"", regexp.MustCompile(`\b[mspolkt]-[a-z2-7]{16}\b`)}, // named by their letter
	{"hash", regexp.MustCompile(`\b[0-9a-f]{64}\b`)},
	{"plan", regexp.MustCompile(`\b[0-9a-f]{32}\b`)},
	{"next", regexp.MustCompile(`"next":"([^"]+)"`)},
}

// names gives what is random a name, and finds it again.
type names struct {
	byText, byName map[string]string
	count          map[string]int
}

func (n *names) name(kind, text string) string {
	if name, ok := n.byText[text]; ok {
		return name
	}
	n.count[kind]++
	name := "$" + kind + strconv.Itoa(n.count[kind])
	n.byText[text], n.byName[name] = name, text
	return name
}

func (n *names) hide(b string) string {
	for _, r := range randomText {
		b = r.re.ReplaceAllStringFunc(b, func(s string) string {
			switch r.name {
			case "":
				return n.name(s[:1], s)
			case "next":
				return `"next":"` + n.name("next", s[8:len(s)-1]) + `"`
			}
			return n.name(r.name, s)
		})
	}
	return b
}

var nameInText = regexp.MustCompile(`\$[a-z]+[0-9]*`)

func (n *names) show(s string) string {
	return nameInText.ReplaceAllStringFunc(s, func(name string) string {
		if text, ok := n.byName[name]; ok {
			return text
		}
		return name
	})
}

func runGolden(t *testing.T, w *world, file string, write bool) {
	source, err := os.ReadFile(file)
	check(t, err)
	n := &names{map[string]string{}, map[string]string{}, map[string]int{}}
	key := w.key(w.mine, partner.KeyScopes)
	n.byText[key], n.byName["$key"] = "$key", key
	n.name("m", string(w.mine.ID))
	n.name("s", string(w.mine.shop.ID))
	n.byName["$foreign"] = w.key(w.foreign, partner.KeyScopes)
	n.byName["$readonly"] = w.key(w.mine, partner.ScopeAccountsRead)
	var out bytes.Buffer
	lines := strings.Split(strings.TrimRight(string(source), "\n"), "\n")
	for i := 0; i < len(lines); {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "> "):
			r := request{key: key, header: http.Header{}}
			r.method, r.path, _ = strings.Cut(strings.TrimPrefix(line, "> "), " ")
			r.path = n.show(r.path)
			fmt.Fprintln(&out, line)
			for i++; i < len(lines) && strings.HasPrefix(lines[i], "> "); i++ {
				fmt.Fprintln(&out, lines[i])
				name, value, _ := strings.Cut(strings.TrimPrefix(lines[i], "> "), ": ")
				if name == "Authorization" {
					r.key = ""
				}
				r.header.Add(name, n.show(value))
			}
			var body []string
			for ; i < len(lines) && !strings.HasPrefix(lines[i], "<") && lines[i] != ""; i++ {
				fmt.Fprintln(&out, lines[i])
				body = append(body, lines[i])
			}
			r.body = n.show(strings.Join(body, "\n"))
			if r.body != "" && r.method != "POST" && r.method != "PATCH" && r.method != "PUT" {
				t.Fatalf("%s:%d: a body of %s", file, i, r.method)
			}
			fmt.Fprint(&out, n.hide(shown(w.do(r))))
			for ; i < len(lines) && lines[i] != ""; i++ {
			}
		case strings.HasPrefix(line, "@"):
			w.act(t, strings.Fields(n.show(line)))
			fmt.Fprintln(&out, line)
			i++
		default:
			fmt.Fprintln(&out, line)
			i++
		}
	}
	if write {
		check(t, os.WriteFile(file, out.Bytes(), 0o644))
		return
	}
	if got, want := out.String(), string(source); got != want {
		t.Errorf("%s differs:\n%s", file, firstDifference(got, want))
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			was := ""
			if i < len(b) {
				was = b[i]
			}
			from := max(i-3, 0)
			return fmt.Sprintf("line %d:\n…%s\ngot  %s\nwant %s", i+1, strings.Join(a[from:i], "\n"), a[i], was)
		}
	}
	return "it is shorter"
}

// shown writes an answer: the status, headers that differ from answer to answer,
// and the body.
func shown(a answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "< %d\n", a.status)
	headers := make([]string, 0, len(a.header))
	for name := range a.header {
		if !slices.Contains([]string{"Cache-Control", "X-Content-Type-Options", "Referrer-Policy", "Content-Length"}, name) {
			headers = append(headers, name)
		}
	}
	sort.Strings(headers)
	for _, name := range headers {
		fmt.Fprintf(&b, "< %s: %s\n", name, strings.Join(a.header[name], ", "))
	}
	if len(a.body) > 0 {
		b.WriteString(strings.TrimRight(string(a.body), "\n") + "\n")
	}
	return b.String()
}

// act does what no request can.
func (w *world) act(t *testing.T, words []string) {
	t.Helper()
	switch words[0] {
	case "@busy": // an import has begun
		in, err := w.jobs.Insert(w.ctx, work.Import{Merchant: w.mine.ID, ID: "i-aaaaaaaaaaaaaaaa"}, job.InsertOptions{})
		check(t, err)
		w.jobIs(in.ID, job.Running)
	case "@catalog": // @catalog N
		n, err := strconv.Atoi(words[1])
		check(t, err)
		var text []byte
		for i := range n {
			text = fmt.Appendf(text, `{"id": %d, "name": "Rzecz %d", "category": "K", "price": 10, "code": "C-%d", "stock": 5}`+"\n", i+1, i+1, i+1)
		}
		_, err = w.manage.UpsertLines(w.ctx, w.mine.owner, text, false)
		check(t, err)
	case "@publish":
		w.publish(w.mine)
	case "@wait":
		d, err := time.ParseDuration(words[1])
		check(t, err)
		w.Pass(d)
	case "@download": // @download LINK OFFER
		check(t, w.db.RecordDownloads(w.ctx, []partner.Download{{Merchant: w.mine.ID, Link: partner.LinkID(words[1]), Offer: partner.OfferID(words[2]), Kind: feed.KindLight,
			Generation: 1, Bytes: 1234, Client: "importer/1", Started: w.Now(), Took: time.Second}}))
	default:
		t.Fatalf("%q is no act", words[0])
	}
}
