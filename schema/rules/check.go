package rules

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// Options adjusts a check. The zero value works.
type Options struct {
	SchemaOnly bool          // leave out every rule but those of XML and the schemas
	MaxErrors  int           // findings listed in all, errors first; 0 means 1000, negative no limit
	PerRule    int           // findings listed of one rule in one file; 0 means 20, negative no limit
	Memory     int64         // bytes for what is remembered across files; 0 means 224 MiB
	Now        time.Time     // for judging whether a file has expired; zero leaves that out
	Limits     xmltok.Limits // of the tokenizer, as in schema.Options
}

const (
	defaultMost    = 1000
	defaultPerRule = 20
	defaultMemory  = 224 << 20
	schemaMost     = 2000 // faults against a schema after which only the rules read on
)

// Check judges a family of files. Files of one kind stand for one offer; when
// a kind other than change files comes twice, each file is judged alone. The
// error is about reading the files or about ctx, never about what they hold.
// Memory is bounded whatever the size of the files.
func Check(ctx context.Context, fam Family, opt Options) (Report, error) {
	opt.MaxErrors = cmp.Or(opt.MaxErrors, defaultMost)
	opt.PerRule = cmp.Or(opt.PerRule, defaultPerRule)
	opt.Memory = cmp.Or(opt.Memory, defaultMemory)
	c := &checker{opt: opt, rules: index(), mem: budget{opt.Memory}}
	c.keys.seed = maphash.MakeSeed()
	var salt [8]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return Report{}, fmt.Errorf("draw a seed: %w", err)
	}
	c.salt = binary.LittleEndian.Uint64(salt[:])
	files, err := c.sorted(ctx, fam.Files)
	if err != nil {
		return Report{}, err
	}
	c.x = c.newOffer()
	for i := range files {
		if c.alone {
			c.x.release()
			c.x = c.newOffer()
		}
		if turn(files[i].kind) >= turn(schema.Light) && files[i].kind != "" {
			c.settle()
		}
		if err := c.file(ctx, &files[i]); err != nil {
			return Report{}, err
		}
	}
	c.settle()
	for _, r := range fam.Remarks {
		s := c.sheetOf(r.File)
		if rule := c.rules[r.Code]; rule != nil && s.want(r.Code) {
			s.add(rule, r.Pos, cmp.Or(r.Path, "/"), r.Message)
		}
	}
	sheets := c.sheets
	sheets = append(sheets, c.extra...)
	return assemble(c.files, sheets, c.rules, opt.MaxErrors), nil
}

// checker is one check of one family.
type checker struct {
	opt   Options
	rules map[string]*Rule
	keys  keys
	salt  uint64
	mem   budget
	alone bool // the files are not one offer
	x     *offer

	files  []FileReport
	sheets []*sheet
	extra  []*sheet // of documents that are no files of the family, such as a manifest

	settled  bool // references to products have been looked at
	pointers []Pointer
	gateway  *sheet
}

// member is a file with what was found out before it is read.
type member struct {
	*File
	kind  schema.Kind
	label string
	pos   int // in the family
}

// sorted finds out kinds and brings the files into the order of checking:
// what others refer to first.
func (c *checker) sorted(ctx context.Context, files []File) ([]member, error) {
	list := make([]member, len(files))
	seen := map[schema.Kind]int{}
	for i := range files {
		m := &list[i]
		*m = member{File: &files[i], kind: files[i].Kind, pos: i}
		if m.kind == "" && len(files) > 1 {
			src, err := openSource(ctx, m.File)
			if err != nil {
				if m.URL != "" {
					continue
				}
				return nil, err
			}
			m.kind = detect(m.Name, src.head())
			if err := src.Close(); err != nil {
				return nil, fmt.Errorf("close %s: %w", m.Name, err)
			}
		}
		if m.kind == schema.FullChange {
			if m.label = labelOf(m.URL); m.label == "" {
				m.label = labelOf(m.Name)
			}
		}
		seen[m.kind]++
	}
	for kind, n := range seen {
		c.alone = c.alone || n > 1 && kind != schema.FullChange && kind != ""
	}
	slices.SortStableFunc(list, func(a, b member) int {
		return cmp.Or(cmp.Compare(turn(a.kind), turn(b.kind)), cmp.Compare(a.label, b.label), cmp.Compare(a.pos, b.pos))
	})
	return list, nil
}

// turn is the place of a kind in the order of checking.
func turn(k schema.Kind) int {
	switch k {
	case schema.Gateway:
		return 0
	case schema.Full:
		return 2
	case schema.FullChange:
		return 3
	case schema.Light:
		return 4
	case schema.Preset, "":
		return 5
	}
	return 1
}

// sheetOf gives the sheet of a file of the family, or one for another document.
func (c *checker) sheetOf(name string) *sheet {
	for _, list := range [][]*sheet{c.sheets, c.extra} {
		for _, s := range list {
			if s.name == name {
				return s
			}
		}
	}
	s := newSheet(name, c.opt.PerRule)
	c.extra = append(c.extra, s)
	return s
}

// settle looks at what was left open: references to products can be judged
// once full and change files are read.
func (c *checker) settle() {
	if !c.settled && !c.alone {
		c.settled = true
		c.x.resolvePending()
	}
}

// file checks one file.
func (c *checker) file(ctx context.Context, m *member) error {
	s := newSheet(m.Name, c.opt.PerRule)
	c.sheets = append(c.sheets, s)
	c.files = append(c.files, FileReport{Name: m.Name, Kind: m.kind, Label: m.label})
	rep := &c.files[len(c.files)-1]
	pointer := c.pointerOf(m)
	src, err := openSource(ctx, m.File)
	if err != nil {
		if m.URL == "" || ctx.Err() != nil {
			return err
		}
		rep.Cut = true
		c.x.cut(m.kind)
		c.tell(pointer, codeFileMissing, "%s cannot be opened: %v", m.kind, unwrapPath(err))
		return nil
	}
	read, err := c.read(ctx, m, src, s, rep, pointer)
	if cerr := src.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close %s: %w", m.Name, cerr)
	}
	if err != nil {
		return err
	}
	if read.Truncated {
		err = c.readOn(ctx, m, s)
	}
	if c.alone {
		c.x.resolvePending()
	}
	return err
}

// read runs schema and rules over a file and compares its bytes with what is
// said of them.
func (c *checker) read(ctx context.Context, m *member, src *source, s *sheet, rep *FileReport, pointer *Pointer) (schema.Report, error) {
	head := src.head()
	found := detect(m.Name, head)
	if m.kind == "" {
		m.kind, rep.Kind = found, found
	}
	holds := detect("", head) // the name may lie, and importers go by the content
	wantMD5, wantSHA := pointer != nil && pointer.Hash != "" || len(m.Claims) > 0, len(m.Claims) > 0
	src.measure(wantMD5, wantSHA)
	if page := webPage(head); page != "" {
		rep.Cut = true
		c.x.cut(m.kind)
		if s.want(codeWebPage) {
			s.add(c.rules[codeWebPage], xmltok.Pos{Line: 1, Column: 1}, "/", page)
		}
		if err := src.drain(ctx); err != nil {
			return schema.Report{}, fmt.Errorf("read %s: %w", m.Name, err)
		}
		rep.Bytes = src.size
		c.measured(m, src, s, rep, pointer, holds)
		return schema.Report{}, nil
	}
	opt := schema.Options{Kind: m.kind, MaxErrors: schemaMost, Limits: c.opt.Limits}
	var p *pass
	if !c.opt.SchemaOnly {
		p = c.newPass(m)
		p.first(head)
		opt.Rules = []schema.RuleFunc{p.event}
	}
	got, err := schema.Validate(ctx, src, m.Name, opt)
	if err != nil {
		return got, err
	}
	rep.Elements, rep.Bytes = got.Elements, got.Bytes
	cut := false
	for _, f := range got.Findings {
		cut = cut || strings.HasPrefix(f.Rule, "XML-")
		if s.want(f.Rule) {
			s.kept = append(s.kept, Finding{File: s.name, Line: f.Line, Column: f.Column, Path: f.Path,
				Code: f.Rule, Level: f.Level, Message: f.Message, Hint: cmp.Or(f.Hint, mendOf(c.rules[f.Rule]))})
		}
	}
	rep.Cut = cut || got.Truncated
	if wantMD5 {
		if err := src.drain(ctx); err != nil {
			return got, fmt.Errorf("read %s: %w", m.Name, err)
		}
	}
	if p != nil && got.Truncated {
		c.x.pending = c.x.pending[:p.pending] // it will be read once more
	}
	if p != nil && !got.Truncated {
		p.finish(got, cut)
		s.take(p.sheet)
		rep.Products = p.products
	}
	c.measured(m, src, s, rep, pointer, holds)
	return got, nil
}

// measured judges the bytes of a file that was read, and whether what it holds
// is of the kind that its pointer says.
func (c *checker) measured(m *member, src *source, s *sheet, rep *FileReport, pointer *Pointer, holds schema.Kind) {
	if bad := src.damage(); bad != "" && s.want(codeGZIP) {
		s.add(c.rules[codeGZIP], xmltok.Pos{}, "/", bad)
	}
	if n := src.members(); n > 1 && s.want(codeGZIPMembers) {
		s.add(c.rules[codeGZIPMembers], xmltok.Pos{}, "/", "a second gzip member follows the first one")
	}
	if c.opt.SchemaOnly {
		return
	}
	if src.md5 != nil {
		rep.Bytes, rep.MD5 = src.size, sum(src.md5)
	}
	switch other := c.twin(pointer, rep.MD5); {
	case pointer == nil || holds == "":
	case holds.Root() != pointer.Kind.Root():
		c.tell(pointer, codeFileKind, "%s leads to a file of kind %s", pointer.Kind, holds)
	case pointer.Kind == schema.Full && holds == schema.Light && rep.Products > 0:
		c.tell(pointer, codeFileKind, "full leads to a file whose products are those of light: prices and sizes alone")
	case other != nil:
		c.tell(pointer, codeFileKind, "%s leads to the file that %s names", pointer.Kind, other.Kind)
	}
	if src.md5 != nil {
		c.compare(m, src, rep, pointer)
	}
}

// twin finds the pointer of another kind that names the bytes which an address
// shows, where its own pointer names others.
func (c *checker) twin(p *Pointer, shown string) *Pointer {
	if p == nil || shown == "" || strings.EqualFold(p.Hash, shown) {
		return nil
	}
	for i := range c.pointers {
		if q := &c.pointers[i]; q.Kind != p.Kind && strings.EqualFold(q.Hash, shown) {
			return q
		}
	}
	return nil
}

// readOn reads a file with too many faults of schema once more, for the rules.
func (c *checker) readOn(ctx context.Context, m *member, s *sheet) error {
	rep := &c.files[len(c.files)-1]
	if c.opt.SchemaOnly {
		return nil
	}
	src, err := openSource(ctx, m.File)
	if errors.Is(err, ErrOnce) {
		c.x.cut(m.kind)
		return nil
	}
	if err != nil {
		return err
	}
	p := c.newPass(m)
	p.first(src.head())
	got, err := schema.Walk(ctx, src, schema.Options{Kind: m.kind, MaxErrors: schemaMost, Limits: c.opt.Limits, Rules: []schema.RuleFunc{p.event}})
	if err = errors.Join(err, src.Close()); err != nil {
		return fmt.Errorf("read %s again: %w", m.Name, err)
	}
	cut := false
	for _, f := range got.Findings {
		cut = cut || strings.HasPrefix(f.Rule, "XML-")
		if s.want(f.Rule) {
			s.kept = append(s.kept, Finding{File: s.name, Line: f.Line, Column: f.Column, Path: f.Path,
				Code: f.Rule, Level: f.Level, Message: f.Message, Hint: cmp.Or(f.Hint, mendOf(c.rules[f.Rule]))})
		}
	}
	p.finish(got, cut)
	s.take(p.sheet)
	rep.Products, rep.Elements, rep.Bytes = p.products, got.Elements, got.Bytes
	return nil
}

func mendOf(r *Rule) string {
	if r == nil {
		return ""
	}
	return r.Mend
}

// pointerOf finds what the gateway says of a file.
func (c *checker) pointerOf(m *member) *Pointer {
	if c.alone {
		return nil
	}
	for i := range c.pointers {
		p := &c.pointers[i]
		if m.URL != "" && p.URL == m.URL || m.URL == "" && p.URL != "" && p.Kind == m.kind && p.names(m.Name) {
			return p
		}
	}
	return nil
}

// tell reports something at a pointer of the gateway.
func (c *checker) tell(p *Pointer, code, format string, args ...any) {
	if p == nil || c.gateway == nil || c.opt.SchemaOnly || !c.gateway.want(code) {
		return
	}
	c.gateway.add(c.rules[code], p.pos, p.path, fmt.Sprintf(format, args...))
}

// compare holds the bytes of a file against gateway and manifest.
func (c *checker) compare(m *member, src *source, rep *FileReport, p *Pointer) {
	if p != nil && p.Hash != "" && isMD5(p.Hash) && !strings.EqualFold(p.Hash, rep.MD5) {
		c.tell(p, codeHash, "hash is %s, and that of %s is %s", p.Hash, m.Name, rep.MD5)
	}
	for _, claim := range m.Claims {
		s := c.sheetOf(claim.By)
		bad := func(what string, said, is any) {
			if s.want(codeManifest) {
				s.add(c.rules[codeManifest], xmltok.Pos{}, "/", fmt.Sprintf("%s of %s is said to be %v and is %v", what, m.Name, said, is))
			}
		}
		switch sha := sum(src.sha256); {
		case claim.Size >= 0 && claim.Size != src.size:
			bad("size", claim.Size, src.size)
		case claim.SHA256 != "" && !strings.EqualFold(claim.SHA256, sha):
			bad("SHA-256", claim.SHA256, sha)
		case claim.MD5 != "" && !strings.EqualFold(claim.MD5, rep.MD5):
			bad("MD5", claim.MD5, rep.MD5)
		}
	}
}

func isMD5(hash string) bool {
	if len(hash) != 32 {
		return false
	}
	for _, c := range []byte(hash) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// unwrapPath leaves the reason of an error about a file, without its path.
func unwrapPath(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// ReadGateway gives the pointers of a gateway, in its order. What is not
// well-formed ends the list without an error; the error is about reading src.
func ReadGateway(ctx context.Context, src io.Reader) ([]Pointer, error) {
	c := &checker{opt: Options{PerRule: 1}, rules: index()}
	p := c.newPass(&member{File: &File{Name: "gateway.xml"}, kind: schema.Gateway})
	if _, err := schema.Walk(ctx, src, schema.Options{Kind: schema.Gateway, Rules: []schema.RuleFunc{p.event}}); err != nil {
		return nil, err
	}
	return p.gw.pointers, nil
}
