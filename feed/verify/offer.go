package verify

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/schema"
	"feedmill/schema/rules"
)

// judge proves an offer whose gateway and manifest have been read and whose
// entries can be opened.
func (o *offer) judge(ctx context.Context) error {
	o.total = o.rep.Files + len(o.entries) + len(o.older)
	for _, e := range o.entries {
		if e.openGzip != nil {
			o.total++
		}
	}
	for _, e := range append(slices.Clone(o.entries), o.older...) {
		if err := o.load(ctx, e); err != nil {
			return err
		}
	}
	if err := o.validFamily(ctx, o.entries); err != nil {
		return err
	}
	for _, e := range o.older {
		if err := o.validAlone(ctx, e); err != nil {
			return err
		}
	}
	if o.gateway != nil && o.manifest != nil {
		o.judgeGateway()
	}
	if o.manifest != nil {
		o.judgeManifest()
	} else if o.gateway != nil {
		o.judgeGatewayTimes()
	}
	if o.gateway == nil || o.manifest == nil {
		o.skip("what gateway, manifest and files say of each other and of their times was not compared, because gateway or manifest is not to be relied on")
	}
	o.judgeFileTimes()
	now, ok := o.judgeSets()
	if !ok {
		return nil
	}
	o.rep.Products += int64(len(now))
	if m := o.manifest; m != nil && *m.Products != int64(len(now)) {
		o.add(ruleCount, place{file: manifestName}, "it says that the offer has %d products, and full and change files make %d", *m.Products, len(now))
	}
	return nil
}

// judgeSets compares the files of products with each other and gives the
// products of the offer as they are now.
func (o *offer) judgeSets() (now []node, ok bool) {
	ch := &chain{known: o.manifest != nil, fulls: slices.Clone(o.older)}
	for _, e := range o.entries {
		switch e.kind {
		case feed.KindFull:
			ch.fulls = append(ch.fulls, e)
		case feed.KindFullChange:
			ch.changes = append(ch.changes, e)
		}
		if o.manifest != nil && e.kind != feed.KindFullChange && (e.base != 0 || e.target != 0) {
			o.add(ruleChainBase, place{file: e.name}, "it is no change file, and is said to lead from generation %d to %d", e.base, e.target)
		}
		o.judgeCount(e)
	}
	ch.sorted()
	o.judgeListing()
	if o.torn {
		o.skip("full, change and light files were not compared, because entries of the manifest are not to be relied on")
		return nil, false
	}
	full, light := o.find(feed.KindFull, ""), o.find(feed.KindLight, "")
	o.judgeTwin(o.find(feed.KindFullCSV, ""), full)
	o.judgeTwin(o.find(feed.KindLightCSV, ""), light)
	now, ok = o.judgeChain(ch)
	switch {
	case !ok || full == nil || !full.sound || light == nil || !light.sound:
		o.skip("light was not compared with full and change files, because one of them is not to be relied on")
		return nil, false
	}
	o.judgeLight(light, now)
	return now, true
}

// judgeListing judges that the gateway lists change files newest first and
// with labels of their own.
func (o *offer) judgeListing() {
	if o.gateway == nil {
		return
	}
	before := ""
	for i := range o.gateway.pointers {
		p := &o.gateway.pointers[i]
		if p.kind != feed.KindFullChange {
			continue
		}
		if before != "" && p.changed >= before {
			o.add(ruleLabelOrder, place{file: gatewayName, line: p.line}, "the change file of %.40s stands after the one of %.40s, and the newest has to come first", p.changed, before)
		}
		before = p.changed
	}
}

// judgeCount compares the stated number of products with what a file holds.
// Entries of dictionaries are not counted: a writer may add and leave out some.
func (c *checker) judgeCount(e *entry) {
	switch e.kind {
	case feed.KindFull, feed.KindFullChange, feed.KindLight, feed.KindFullCSV, feed.KindLightCSV:
		if e.sound && e.products >= 0 && e.products != e.found {
			c.add(ruleCount, place{file: e.name}, "it is said to hold %d products and holds %d", e.products, e.found)
		}
	}
}

// judgeGatewayTimes holds a gateway without a manifest against the clock. Its
// times have no zone, so half a day is granted.
func (o *offer) judgeGatewayTimes() {
	made, err := feed.ParseTime(o.gateway.generated)
	ends, err2 := feed.ParseTime(o.gateway.expires)
	if err == nil && err2 == nil && !o.opt.Now.IsZero() && !ends.After(o.opt.Now.Add(-14*time.Hour)) {
		o.add(ruleExpired, place{file: gatewayName}, "the offer of %s expired at %s", stamp(made), stamp(ends))
	}
}

// judgeFileTimes compares what the files say of their time with what is said
// of them: generated of the root, and the label in the name.
func (o *offer) judgeFileTimes() {
	if o.manifest == nil || o.gateway == nil {
		return
	}
	zones := o.zones()
	for _, e := range o.entries {
		own := o.zoneOf(e, zones)
		if !e.sound || !inGateway(e.kind) || len(own) == 0 {
			continue
		}
		zone := own[0]
		want := e.changed.UTC().Truncate(time.Second).Add(zone)
		if got, err := feed.ParseTime(e.head.generated); err != nil || !got.Equal(want) {
			o.add(ruleTimeOrder, place{file: e.name, line: 1}, "it says that it was generated at %.40q, and the manifest that it changed at %s UTC (the offer's offset is %s)", e.head.generated, stamp(e.changed), zone)
		}
		if t, err := feed.ParseLabel(e.label); e.kind == feed.KindFullChange && err == nil && !t.Equal(want) {
			o.add(ruleLabelName, place{file: e.name}, "its label is %s, and it was made at %s", e.label, feed.Label(want))
		}
	}
}

// kindOf gives the name by which the schemas know a kind, "" for those that
// they do not know.
func kindOf(k feed.Kind) schema.Kind {
	if !inGateway(k) {
		return ""
	}
	return schema.Kind(k.String())
}

// familyFile makes a file for the validator.
func familyFile(e *entry) rules.File {
	return rules.File{Name: e.name, Kind: kindOf(e.kind), Open: func(ctx context.Context) (io.ReadCloser, error) {
		r, _, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{withoutNamespace(r), r}, nil
	}}
}

// validFamily judges the files of one offer together, by schema and by the
// rules of the format: above all that every reference resolves.
func (c *checker) validFamily(ctx context.Context, entries []*entry) error {
	var fam rules.Family
	by := map[string]*entry{}
	for _, e := range entries {
		// A file with open questions would leave references of others open.
		if e.whole && kindOf(e.kind) != "" {
			fam.Files = append(fam.Files, familyFile(e))
			by[e.name] = e
		}
	}
	return c.valid(ctx, fam, by)
}

// validAlone judges one file by itself.
func (c *checker) validAlone(ctx context.Context, e *entry) error {
	if !e.whole || kindOf(e.kind) == "" {
		return nil
	}
	return c.valid(ctx, rules.Family{Files: []rules.File{familyFile(e)}}, map[string]*entry{e.name: e})
}

// elsewhere are codes of rules of the format that are judged here in words of
// our own, against what was promised and not file by file.
var elsewhere = []string{"IOF-LIGHT-MISSING", "IOF-LIGHT-UNKNOWN", "IOF-LIGHT-REMOVED", "IOF-CHANGE-EMPTY", "IOF-CHANGE-PARTIAL",
	"IOF-CHANGE-UNKNOWN", "IOF-PRODUCT-DUPLICATE", "IOF-EXPIRES-ORDER"}

func (c *checker) valid(ctx context.Context, fam rules.Family, by map[string]*entry) error {
	if len(fam.Files) == 0 {
		return nil
	}
	opt := rules.Options{PerRule: c.per, MaxErrors: -1}
	rep, err := rules.Check(ctx, fam, opt)
	if err != nil {
		return fmt.Errorf("judge the files: %w", err)
	}
	listed := map[string]int64{}
	for _, f := range rep.Findings {
		e := by[f.File]
		if f.Level != rules.LevelError || slices.Contains(elsewhere, f.Code) || e == nil || !e.sound && again(f, e) {
			continue
		}
		listed[f.Code]++
		c.add(ruleOf(f.Code), place{file: f.File, line: f.Line}, "%s: %s (%s)", f.Path, f.Message, f.Code)
		e.sound = e.sound && ruleOf(f.Code) == ruleReference
	}
	for _, n := range rep.Counts {
		if more := n.Found - listed[n.Code]; listed[n.Code] > 0 && more > 0 {
			c.count[ruleOf(n.Code)] += more
		}
	}
	return nil
}

// again reports whether a finding of the validator says once more what was
// found in a file already: that a node of a change file is partial, or that a
// product stands there twice, with all its codes.
func again(f rules.Finding, e *entry) bool {
	return strings.HasPrefix(f.Path, "/offer/products/product") &&
		(e.kind == feed.KindFullChange && strings.HasPrefix(f.Code, "XSD-") || strings.HasSuffix(f.Code, "-DUPLICATE"))
}

// ruleOf gives the rule of ours that a code of the validator belongs to.
func ruleOf(code string) string {
	switch {
	case strings.HasPrefix(code, "XML-"):
		return ruleXML
	case strings.HasPrefix(code, "XSD-"):
		return ruleSchema
	case strings.HasPrefix(code, "IOF-REF-"), code == "IOF-SIZE-OTHER-GROUP":
		return ruleReference
	}
	return ruleFormat
}
