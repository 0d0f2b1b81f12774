package admin

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
)

// Limits of imports.
const (
	maxUpload      = 2 << 30
	maxFieldBytes  = 1 << 10
	importsHeld    = 20            // per process, those that have ended included
	importsRunning = 2             // per merchant
	importLife     = 2 * time.Hour // of one that nobody decides about
	importTime     = time.Hour     // for reading or merging one
	uploadStep     = time.Minute   // for each piece of an upload
	problemsShown  = 50
)

// The states of an import.
const (
	importReading   = "reading"
	importReady     = "ready"
	importRefused   = "refused"
	importMerging   = "merging"
	importDone      = "done"
	importFailed    = "failed"
	importDiscarded = "discarded"
)

// importView is the upload form and the imports of this process.
type importView struct {
	Form  *form
	Tasks []importLine
	// Example is a table that could be sent.
	Example string
}

// importLine is one import of the list.
type importLine struct {
	ID, Name, State string
	Begun           time.Time
}

// importingView is one import.
type importingView struct {
	ID, Name, State       string
	Keep, Busy            bool
	Done, Total, Products int64
	// Percent is how much of the file was read, -1 where nobody knows.
	Percent          int
	Format           string
	Plan             *planView
	Errors, Warnings int64
	Problems         []catalog.Problem
	More             int
	// Message says why nothing came of it, Hint what to do, "" where nobody knows.
	Message, Hint string
}

// tableExample is the smallest table that shows what rows are for.
const tableExample = `id;name;category;producer;vat;price_gross;size;code;stock
1;T-shirt;Clothing/T-shirts;Acme;23;49,90;M;TS-M;12
1;;;;;;L;TS-L;5
2;Mug;Kitchen;Acme;23;19,90;;MUG;40
`

// planView says what merging an import does, or did.
type planView struct {
	Added, Changed, Removed, Unchanged int64
	// The examples are ids of products.
	AddedExamples, ChangedExamples, RemovedExamples []feed.ProductID
	// Large says that more than a fifth of the catalog goes.
	Large bool
}

func importPage() page {
	return page{name: "import", routes: []route{
		get("/import", may(manage.WriteProducts), showImports),
		post("/import", may(manage.WriteProducts), upload),
	}, stories: func(s *scene) []story {
		bad := newForm()
		bad.setFlag("keep", true).fail("file", "form.needed")
		return []story{
			{state: "plain", data: importView{Form: newForm(), Example: tableExample, Tasks: []importLine{{"a", "catalog.jsonl.gz", importReady, s.ago(time.Minute)}, {"b", "produkty <nowe>.csv", importRefused, s.ago(time.Hour)}, {"c", "x.xml", importDone, s.ago(2 * time.Hour)}}}},
			{state: "refused", role: auth.Manager, data: importView{Form: bad, Example: tableExample}},
		}
	}}
}

func importingPage() page {
	return page{name: "importing", routes: []route{
		get("/import/{import}", may(manage.WriteProducts), showImport),
		send("/import/{import}/merge", may(manage.WriteProducts), mergeImport),
		post("/import/{import}/discard", may(manage.WriteProducts), discardImport),
		get("/import/{import}/problems.csv", may(manage.WriteProducts), importProblems),
	}, stories: func(s *scene) []story {
		reading := importingView{ID: "a", Name: "catalog.jsonl.gz", State: importReading, Busy: true, Done: 41_000_000, Total: 96_000_000, Products: 44_120, Percent: 42}
		ready := importingView{ID: "a", Name: "catalog.jsonl.gz", State: importReady, Products: 104_217, Format: "jsonl", Percent: 100, Warnings: 2,
			Plan:     &planView{3, 1_204, 0, 103_010, []feed.ProductID{104218, 104219}, []feed.ProductID{17, 18, 19, 23, 29}, nil, false},
			Problems: []catalog.Problem{{File: "catalog.jsonl.gz", Line: 12, Product: "17", Field: "sizes[0].stock[1].quantity", Message: "has four decimals <rounded>", Hint: "at most three are kept", Level: catalog.LevelWarning}}}
		large := ready
		large.Plan = &planView{0, 0, 51_000, 53_217, nil, nil, []feed.ProductID{1, 2}, true}
		refused := importingView{ID: "b", Name: "produkty <nowe>.csv", State: importRefused, Products: 12, Errors: 2, Percent: -1, Message: "the catalog has 2 errors and was not taken", More: 7,
			Problems: []catalog.Problem{{File: "produkty <nowe>.csv", Line: 3, Product: "A-17", Field: "price", Message: `"12,5O" is not a decimal number (digits with an optional decimal point)`}, {File: "produkty <nowe>.csv", Line: 3, Product: "A-17", Field: "images", Message: `"htp:/<x>" is not an address`, Hint: "give an absolute one that starts with https:// and has no blanks"}, {File: "produkty <nowe>.csv", Line: 4, Message: "has 11 fields, the header has 12 columns", Hint: "quote fields that hold separators"}}}
		done := ready
		done.State, done.Problems, done.Warnings = importDone, nil, 0
		merging := ready
		merging.State, merging.Busy = importMerging, true
		failed := importingView{ID: "c", Name: "x.zip", State: importFailed, Percent: -1, Message: "no catalog of a known format"}
		gone := importingView{ID: "c", Name: "x.zip", State: importDiscarded, Percent: -1}
		return []story{{state: "reading", data: reading}, {state: "reading-part", part: "task", data: reading}, {state: "ready", data: ready}, {state: "large", data: large}, {state: "refused", data: refused},
			{state: "merging", data: merging}, {state: "done", data: done}, {state: "failed", data: failed}, {state: "discarded", data: gone}}
	}}
}

func (c *call) imports(f *form) importView {
	v := importView{Form: f, Example: tableExample}
	d := &c.panel.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range slices.Backward(d.list) {
		if t.merchant == c.who.Merchant {
			v.Tasks = append(v.Tasks, importLine{t.id, t.name, t.state, t.begun})
		}
	}
	return v
}

func showImports(c *call) (reply, error) { return show("import", c.imports(newForm())), nil }

// upload takes a catalog in and begins to read it. The answer comes at once:
// the import's own page tells how far it is.
func upload(c *call) (reply, error) {
	f := newForm()
	refuse := func() (reply, error) {
		rep := wrong("import", c.imports(f))
		if c.scripted() {
			rep.status = http.StatusOK // a script shows only what went well
		}
		return rep, nil
	}
	t := &importTask{id: rand.Text(), merchant: c.who.Merchant, state: importReading, begun: c.now()}
	file, err := c.takeUpload(f, t)
	if err != nil {
		return reply{}, err
	}
	if f.Failed() {
		return refuse()
	}
	t.keep = f.flag("keep")
	net := f.flag("net")
	pushed, err := c.panel.desk.open(t, c.now())
	for _, o := range pushed {
		c.forget(o)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(file))
		if feed.KindOf(err) == feed.KindConflict {
			f.fail("", "form.said", message(err))
			return refuse()
		}
		return reply{}, err
	}
	go c.panel.readImport(context.WithoutCancel(c.ctx), c.who, t, file, net)
	return move("/import/" + t.id), nil
}

// takeUpload keeps the file of an upload in a temporary one, whose name it
// gives; fields land in f.
func (c *call) takeUpload(f *form, t *importTask) (_ string, err error) {
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxUpload+1<<20)
	ctl := http.NewResponseController(c.w)
	parts, err := c.r.MultipartReader()
	if err != nil {
		f.fail("file", "form.needed")
		return "", nil
	}
	name := ""
	defer func() {
		if name != "" && (err != nil || f.Failed()) {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", uploadError(err)
		}
		if n > 20 {
			return "", feed.Errorf(feed.KindInvalid, "the form has too many fields")
		}
		if part.FormName() != "file" {
			if err := smallPart(f, part); err != nil {
				return "", err
			}
			continue
		}
		if t.name = cleanFileName(part.FileName()); t.name == "" || name != "" {
			continue
		}
		out, err := os.CreateTemp(c.panel.opt.Spool, "upload-*")
		if err != nil {
			return "", fmt.Errorf("keep the upload: %w", err)
		}
		name = out.Name()
		n, err := io.Copy(out, &steady{part, ctl})
		if err = errors.Join(err, out.Close()); err != nil {
			return "", uploadError(err)
		}
		if n == 0 {
			f.fail("file", "import.nothing")
		}
	}
	// The time for the answer begins now; not all connections know deadlines.
	_ = ctl.SetWriteDeadline(time.Now().Add(uploadStep))
	if name == "" {
		f.fail("file", "form.needed")
	}
	return name, nil
}

// smallPart reads a field.
func smallPart(f *form, part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, maxFieldBytes))
	if err != nil {
		return uploadError(err)
	}
	f.set(part.FormName(), string(text))
	return nil
}

// uploadError tells people what broke an upload.
func uploadError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return feed.Errorf(feed.KindInvalid, "the file is larger than %d bytes: import it with the command instead", int64(maxUpload))
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("keep the upload: %w", err)
	}
	return &feed.Error{Kind: feed.KindInvalid, Message: "the upload did not arrive whole", Err: err}
}

// steady reads an upload and moves its deadline on with each piece.
type steady struct {
	from io.Reader
	ctl  *http.ResponseController
}

// Read implements io.Reader.
func (s *steady) Read(p []byte) (int, error) {
	// Not all connections know deadlines.
	_ = s.ctl.SetReadDeadline(time.Now().Add(uploadStep))
	return s.from.Read(p)
}

// cleanFileName gives the last part of a file's name as one short line.
func cleanFileName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "." || s == "/" {
		return ""
	}
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120])
	}
	return s
}

// forget discards what a task has staged.
func (c *call) forget(t *importTask) {
	if t.state != importReady {
		return
	}
	if err := c.panel.opt.Manage.DiscardImport(context.WithoutCancel(c.ctx), c.who, t.staged.ID); err != nil {
		c.panel.opt.Log.WarnContext(c.ctx, "an import cannot be discarded", slog.Any("error", err))
	}
}

// task gives the import that the path names. Where this process does not know it,
// the reply says so on the page of imports, where the file is sent again.
func (c *call) task() (*importTask, reply, bool) {
	t, ok := c.panel.desk.find(c.who.Merchant, c.path("import"))
	if ok {
		return t, reply{}, true
	}
	if c.scripted() {
		// What follows an import comes back as a page.
		return nil, move("/import/" + url.PathEscape(c.path("import"))), false
	}
	f := newForm()
	f.fail("", "import.unknown")
	return nil, reply{status: http.StatusNotFound, page: "import", data: c.imports(f)}, false
}

func (d *desk) view(t *importTask) importingView {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := importingView{ID: t.id, Name: t.name, State: t.state, Keep: t.keep, Busy: t.busy(), Done: t.done, Total: t.total, Products: t.products, Percent: -1,
		Errors: t.errors, Warnings: t.staged.Stats.Warnings, Message: t.message, Hint: t.hint}
	if t.total > 0 {
		v.Percent = int(min(100, t.done*100/t.total))
	}
	v.Problems = catalog.Digest(t.problems, problemsShown)
	v.More = len(t.problems) - len(v.Problems)
	if t.state == importReady || t.state == importMerging || t.state == importDone {
		p := &t.staged.Plan
		v.Format = t.staged.Format.String()
		v.Plan = &planView{p.Added, p.Changed, p.Removed, p.Unchanged, p.AddedExamples, p.ChangedExamples, p.RemovedExamples,
			p.Removed >= 20 && p.Removed*5 > p.Removed+p.Changed+p.Unchanged}
	}
	return v
}

func showImport(c *call) (reply, error) {
	t, rep, ok := c.task()
	if !ok {
		return rep, nil
	}
	v := c.panel.desk.view(t)
	if c.scripted() && c.query("part") != "" {
		return piece("importing", "task", v), nil
	}
	return show("importing", v), nil
}

func mergeImport(c *call, f *form) (reply, error) {
	t, rep, ok := c.task()
	if !ok {
		return rep, nil
	}
	// What takes much away is asked for once more, as long as it waits.
	if v := c.panel.desk.view(t); v.State == importReady && v.Plan.Large {
		if rep, ok := c.sure(f, "/import/"+t.id, "import.ask", v.Plan.Removed); !ok {
			return rep, nil
		}
	}
	begin := false
	c.panel.desk.change(func() {
		if begin = t.state == importReady; begin {
			t.state = importMerging
		}
	})
	if begin {
		go c.panel.mergeImport(context.WithoutCancel(c.ctx), c.who, t)
	}
	return move("/import/" + t.id), nil
}

func discardImport(c *call) (reply, error) {
	t, rep, ok := c.task()
	if !ok {
		return rep, nil
	}
	had := false
	c.panel.desk.change(func() {
		if had = t.state == importReady; had {
			t.state = importDiscarded
		}
	})
	if had {
		if err := c.panel.opt.Manage.DiscardImport(c.ctx, c.who, t.staged.ID); err != nil {
			return reply{}, err
		}
	}
	return move("/import").saying("import.discarded"), nil
}

// importProblems gives all problems as a table for spreadsheets, in the reader's
// language: columns, levels and codes are the same in each, for programs.
func importProblems(c *call) (reply, error) {
	t, rep, ok := c.task()
	if !ok {
		return rep, nil
	}
	var problems []catalog.Problem
	c.panel.desk.change(func() { problems = t.problems })
	h := c.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="problems.csv"`)
	// Spreadsheets take a text without the mark for one in an old character set,
	// and where the comma is decimal they want another sign between columns.
	_, _ = io.WriteString(c.w, "\ufeff")
	s, w := c.speaker(), csv.NewWriter(c.w)
	if s.comma() == "," {
		w.Comma = ';'
	}
	// Errors of writing mean that nobody listens any more.
	_ = w.Write([]string{"file", "line", "product", "field", "level", "message", "hint", "code", "hint_code"})
	for _, p := range problems {
		line := ""
		if p.Line > 0 {
			line = strconv.FormatInt(p.Line, 10)
		}
		message, code := s.tell(c.panel.templates.phrases, p.Message)
		hint, hintCode := s.tell(c.panel.templates.phrases, p.Hint)
		_ = w.Write([]string{harmless(p.File), line, harmless(p.Product), harmless(p.Field), p.Level.String(), harmless(message), harmless(hint), code, hintCode})
	}
	w.Flush()
	return written(), nil
}

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
