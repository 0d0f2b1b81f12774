package admin

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
)

// generationsView chooses an offer whose generations are to be seen.
type generationsView struct {
	Query string
	Lines []offerChoice
	Pager pager
}

// offerChoice is one offer of a list.
type offerChoice struct{ ID, Partner, Name string }

func generationsPage() page {
	return page{name: "generations", routes: []route{get("/generations", may(manage.ReadLedger), showGenerations)}, stories: func(s *scene) []story {
		lines := []offerChoice{{"o-aaaaaaaaaaaaaaaa", "Nord Shop", "Main"}, {"o-bbbbbbbbbbbbbbbb", "Velo <Süd>", "Tylko lampki"}}
		return []story{{state: "plain", data: generationsView{Lines: lines, Pager: pager{From: 1, To: 2, Total: 2}}},
			{state: "nothing", role: auth.Readonly, data: generationsView{Query: "x"}}, {state: "empty", data: generationsView{}}}
	}}
}

func showGenerations(c *call) (reply, error) {
	v := generationsView{Query: c.query("q")}
	offers, names, err := c.offersAndNames()
	if err != nil {
		return reply{}, err
	}
	wanted := manage.NewSought(v.Query)
	for i := range offers {
		o := &offers[i]
		line := offerChoice{string(o.ID), names[o.Partner], o.Name}
		if wanted.In(line.Partner + " " + line.Name) {
			v.Lines = append(v.Lines, line)
		}
	}
	manage.SortByName(v.Lines, func(l *offerChoice) string { return l.Partner + "\x00" + l.Name })
	v.Lines, v.Pager = pageOf(v.Lines, c.r.URL)
	return show("generations", v), nil
}

// historyView lists generations of an offer's feed.
type historyView struct {
	Offer, Name, Partner, PartnerID string
	// Kind is "full" or "light".
	Kind  string
	Lines []generationLine
	Pager pager
}

// generationLine is one generation.
type generationLine struct {
	Number, Epoch, Products int64
	Time, Expires           time.Time
	Files                   []fileLine
	Bytes                   int64
	Current                 bool
	// Old and New say that the form compares with it from the start.
	Old, New bool
}

// fileLine is one file of a generation.
type fileLine struct {
	Name, Kind string
	Generation int64
	Changed    time.Time
	Products   int64
	Bytes      int64
	MD5, SHA   string
}

func filesOf(g *publish.Generation) (list []fileLine) {
	for i := range g.Files {
		f := &g.Files[i]
		list = append(list, fileLine{f.Kind.FileName(f.Label), f.Kind.String(), f.Generation, f.Changed, f.Products, f.Plain.Size, f.Plain.MD5.String(), f.Plain.SHA256.String()})
	}
	return list
}

func historyPage() page {
	return page{name: "history", routes: []route{get("/generations/{offer}", may(manage.ReadLedger), showHistory)}, stories: func(s *scene) []story {
		files := []fileLine{{"full.xml", "full", 800, s.ago(9 * time.Hour), 104_217, 412_000_000, "9f86d081884c7d659a2feaa0c55ad015", strings.Repeat("ab", 32)}, {"full_change2026-11-21T13-30-00.xml", "full_change", 812, s.ago(time.Hour), 311, 1_200_000, "0c86d081884c7d659a2feaa0c55ad015", strings.Repeat("cd", 32)}}
		v := historyView{Offer: "o-aaaaaaaaaaaaaaaa", Name: "Main", Partner: "Nord Shop", PartnerID: "p-aaaaaaaaaaaaaaaa", Kind: "full", Pager: pager{Older: "/panel/generations/o-aaaaaaaaaaaaaaaa?before=700"},
			Lines: []generationLine{{812, 1, 104_217, s.ago(time.Hour), s.now.Add(7 * 24 * time.Hour), files, 413_200_000, true, false, true}, {800, 1, 104_215, s.ago(9 * time.Hour), s.now.Add(6 * 24 * time.Hour), files[:1], 412_000_000, false, true, false}}}
		one := v
		one.Lines, one.Kind, one.Pager = v.Lines[:1], "light", pager{}
		none := v
		none.Lines, none.Pager = nil, pager{}
		return []story{{state: "plain", data: v}, {state: "one", role: auth.Readonly, data: one}, {state: "empty", data: none}}
	}}
}

// feedKind reads which feed of an offer is meant.
func (c *call) feedKind() feed.Kind {
	if c.query("kind") == "light" {
		return feed.KindLight
	}
	return feed.KindFull
}

// perHistory is how many generations a page lists.
const perHistory = 20

func numberOf(g *publish.Generation) int64 { return g.Number }

func showHistory(c *call) (reply, error) {
	o, p, err := c.offerAndPartner()
	if err != nil {
		return reply{}, err
	}
	kind := c.feedKind()
	list, err := c.panel.opt.Manage.History(c.ctx, c.who, o.ID, kind, c.before(), perHistory+1)
	if err != nil {
		return reply{}, err
	}
	v := historyView{Offer: string(o.ID), Name: o.Name, Partner: p.Name, PartnerID: string(p.ID), Kind: kind.String()}
	list, v.Pager = newestFirst(c, list, perHistory, numberOf)
	for i := range list {
		g := &list[i]
		l := generationLine{Number: g.Number, Epoch: g.Epoch, Products: g.Products, Time: g.Time, Expires: g.Expires, Files: filesOf(g), Current: v.Pager.Newer == "" && i == 0, New: i == 0, Old: i == 1}
		for _, f := range l.Files {
			l.Bytes += f.Bytes
		}
		v.Lines = append(v.Lines, l)
	}
	return show("history", v), nil
}

// compareView tells two generations apart.
type compareView struct {
	Offer, Name, Partner, Kind    string
	Old, New                      int64
	OldTime, NewTime              time.Time
	Added, Changed, Removed, Same int64
	Lines                         []compareLine
	Pager                         pager
}

// compareLine is one product in which two generations differ.
type compareLine struct {
	ID int64
	// Kind is "added", "changed" or "removed".
	Kind string
}

func comparePage() page {
	return page{name: "compare", routes: []route{get("/generations/{offer}/compare", may(manage.ReadLedger), showCompare)}, stories: func(s *scene) []story {
		v := compareView{Offer: "o-aaaaaaaaaaaaaaaa", Name: "Main", Partner: "Nord Shop", Kind: "full", Old: 800, New: 812, OldTime: s.ago(9 * time.Hour), NewTime: s.ago(time.Hour), Added: 2, Changed: 311, Removed: 1, Same: 103_904,
			Lines: []compareLine{{17, "changed"}, {18, "added"}, {23, "removed"}}, Pager: pager{Older: "/panel/generations/o-aaaaaaaaaaaaaaaa/compare?a=800&b=812&after=23"}}
		same := v
		same.Added, same.Changed, same.Removed, same.Lines, same.Pager = 0, 0, 0, nil, pager{}
		return []story{{state: "plain", data: v}, {state: "same", role: auth.Readonly, data: same}}
	}}
}

// pairOf reads the two generations to compare, the older first.
func (c *call) pairOf() (a, b int64, err error) {
	a, errA := strconv.ParseInt(c.query("a"), 10, 64)
	b, errB := strconv.ParseInt(c.query("b"), 10, 64)
	if errA != nil || errB != nil || a <= 0 || b <= 0 {
		return 0, 0, feed.Errorf(feed.KindInvalid, "two generations are needed for a comparison")
	}
	return min(a, b), max(a, b), nil
}

func showCompare(c *call) (reply, error) {
	o, p, err := c.offerAndPartner()
	if err != nil {
		return reply{}, err
	}
	a, b, err := c.pairOf()
	if err != nil {
		return reply{}, err
	}
	after, _ := strconv.ParseInt(c.query("after"), 10, 64)
	r, err := c.panel.opt.Manage.Compare(c.ctx, c.who, a, b, feed.ProductID(max(after, 0)), perPage)
	if err != nil {
		return reply{}, err
	}
	v := compareView{Offer: string(o.ID), Name: o.Name, Partner: p.Name, Kind: r.New.Feed.Kind.String(), Old: a, New: b, OldTime: r.Old.Time, NewTime: r.New.Time,
		Added: r.Added, Changed: r.Changed, Removed: r.Removed, Same: r.Same}
	for _, one := range r.Changes {
		v.Lines = append(v.Lines, compareLine{int64(one.Product), one.Kind})
	}
	if r.Next > 0 {
		v.Pager.Older = withQuery(c.r.URL, "after", strconv.FormatInt(int64(r.Next), 10))
	}
	if after > 0 {
		v.Pager.Newer = withQuery(c.r.URL, "after", "")
	}
	return show("compare", v), nil
}

// nodesView shows a product in two generations.
type nodesView struct {
	Offer, Name, Partner string
	Product, Old, New    int64
	OldFile, NewFile     string
	Lines                []nodeLine
	// Long says that the nodes are too long to be told apart line by line.
	Long bool
}

// nodeLine is one line of a difference.
type nodeLine struct {
	// Sign is "+", "-" or "".
	Sign string
	Text template.HTML
}

func nodesPage() page {
	return page{name: "nodes", routes: []route{get("/generations/{offer}/compare/{product}", may(manage.ReadLedger), showNodes)}, stories: func(s *scene) []story {
		old := `<product id="17"><price gross="100.00" net="81.30"/><description><name xml:lang="pol"><![CDATA[Rower <stary>]]></name></description></product>`
		now := strings.Replace(strings.Replace(old, "100.00", "120.00", 1), "stary", "nowy & drogi", 1)
		lines, _ := nodeLines(old, now)
		added, _ := nodeLines("", now)
		v := nodesView{Offer: "o-aaaaaaaaaaaaaaaa", Name: "Main", Partner: "Nord Shop", Product: 17, Old: 800, New: 812, OldFile: "full.xml", NewFile: "full_change2026-11-21T13-30-00.xml", Lines: lines}
		fresh := v
		fresh.Lines, fresh.OldFile = added, ""
		long := v
		long.Long = true
		return []story{{state: "changed", data: v}, {state: "added", role: auth.Readonly, data: fresh}, {state: "long", data: long}}
	}}
}

func showNodes(c *call) (reply, error) {
	o, p, err := c.offerAndPartner()
	if err != nil {
		return reply{}, err
	}
	a, b, err := c.pairOf()
	if err != nil {
		return reply{}, err
	}
	id, err := c.productID()
	if err != nil {
		return reply{}, err
	}
	old, err := c.panel.opt.Manage.NodeAt(c.ctx, c.who, a, id)
	if err != nil {
		return reply{}, err
	}
	now, err := c.panel.opt.Manage.NodeAt(c.ctx, c.who, b, id)
	if err != nil {
		return reply{}, err
	}
	if old.XML == "" && now.XML == "" {
		return reply{}, notFound("such product in either generation")
	}
	v := nodesView{Offer: string(o.ID), Name: o.Name, Partner: p.Name, Product: int64(id), Old: a, New: b, OldFile: old.File, NewFile: now.File}
	v.Lines, v.Long = nodeLines(old.XML, now.XML)
	return show("nodes", v), nil
}

// maxDiffLines bounds the lines of each side that are told apart.
const maxDiffLines = 1500

// nodeLines tells two nodes apart by lines; long says that they are too long for
// it, and shown as wholes.
func nodeLines(old, now string) (lines []nodeLine, long bool) {
	a, b := xmlLines(old), xmlLines(now)
	if long = len(a) > maxDiffLines || len(b) > maxDiffLines; long {
		for sign, list := range map[string][]string{"-": a, "+": b} {
			text, _ := highlight(strings.Join(list, "\n"))
			if text != "" {
				lines = append(lines, nodeLine{sign, text})
			}
		}
		slices.SortFunc(lines, func(x, y nodeLine) int { return strings.Compare(y.Sign, x.Sign) })
		return lines, true
	}
	// length[i][j] is the longest common row of lines of a[i:] and b[j:].
	length := make([][]int16, len(a)+1)
	for i := range length {
		length[i] = make([]int16, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	put := func(sign, text string) {
		html, _ := highlight(text)
		lines = append(lines, nodeLine{sign, html})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			put("", a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			put("-", a[i])
			i++
		default:
			put("+", b[j])
			j++
		}
	}
	return lines, false
}

// xmlLines puts each element of a node on a line of its own.
func xmlLines(s string) (lines []string) {
	if s == "" {
		return nil
	}
	depth := 0
	for _, part := range strings.Split(s, "\n") {
		for part != "" {
			n := strings.Index(part, "><")
			// CDATA belongs to the element that it stands in.
			for n >= 0 && strings.HasPrefix(part[n+1:], "<![CDATA[") {
				end := n + 1 + upTo(part[n+1:], "]]>")
				next := strings.Index(part[end:], "><")
				closing := strings.Index(part[end:], ">")
				switch {
				case closing < 0:
					n = -1
				case next < 0:
					n = -1
				default:
					n = end + next
				}
			}
			line := part
			if n >= 0 {
				line = part[:n+1]
			}
			part = part[len(line):]
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			if strings.HasPrefix(line, "</") {
				depth--
			}
			lines = append(lines, strings.Repeat("  ", max(depth, 0))+line)
			if strings.HasPrefix(line, "<") && !strings.HasPrefix(line, "</") && !strings.HasPrefix(line, "<!") && !strings.HasSuffix(line, "/>") && !strings.Contains(line, "</") {
				depth++
			}
		}
	}
	return lines
}
