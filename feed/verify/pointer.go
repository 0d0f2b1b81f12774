package verify

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/schema"
	"feedmill/schema/rules"
	"feedmill/schema/xmltok"
)

// gatewayDoc is what gateway.xml says.
type gatewayDoc struct {
	generated, created, expires string // as written
	pointers                    []pointer
}

type pointer struct {
	kind    feed.Kind
	url     string
	hash    string
	changed string
	line    int
}

// readGateway reads and judges the gateway by itself.
func (o *offer) readGateway(ctx context.Context, data []byte) error {
	sound, err := o.validGateway(ctx, data)
	if err != nil || !sound {
		return err
	}
	g := &gatewayDoc{}
	x := xmltok.NewReader(bytes.NewReader(data), limits)
	offers, parent := 0, ""
	for {
		kind, err := x.Next()
		if err != nil {
			break // it was found to be well-formed
		}
		if kind != xmltok.StartElement {
			continue
		}
		local := string(x.Name().Local)
		switch depth := x.Depth(); {
		case depth == 1:
			g.generated = attr(x, "generated")
		case depth == 2 && local != "meta":
			parent = local
			g.pointer(x, local)
		case depth == 4 && local == "change" && parent == "full":
			g.pointer(x, "full_change")
		case depth == 4 && local == "offer" && parent == "":
			if offers++; offers == 1 {
				g.created = attr(x, "created")
			} else {
				g.expires = attr(x, "expires")
			}
		}
	}
	o.gateway = g
	return nil
}

func (g *gatewayDoc) pointer(x *xmltok.Reader, local string) {
	var kind feed.Kind
	if kind.UnmarshalText([]byte(local)) == nil {
		g.pointers = append(g.pointers, pointer{kind: kind, url: attr(x, "url"), hash: attr(x, "hash"), changed: attr(x, "changed"), line: x.Pos().Line})
	}
}

// validGateway judges the gateway by schema and rules. Order and doubles of
// labels are judged with the chain.
func (o *offer) validGateway(ctx context.Context, data []byte) (sound bool, err error) {
	fam := rules.Stream(gatewayName, withoutNamespace(bytes.NewReader(data)))
	fam.Files[0].Kind = schema.Gateway
	rep, err := rules.Check(ctx, fam, rules.Options{PerRule: o.per})
	if err != nil {
		return false, fmt.Errorf("judge the gateway: %w", err)
	}
	sound = true
	for _, f := range rep.Findings {
		if f.Level == rules.LevelError && !strings.HasPrefix(f.Code, "IOF-LABEL-") {
			sound = false
			o.add(ruleGatewayInvalid, place{file: gatewayName, line: f.Line}, "%s: %s (%s)", f.Path, f.Message, f.Code)
		}
	}
	return sound, nil
}

// entriesOfGateway makes the entries where there is no manifest to make them of.
func (o *offer) entriesOfGateway() {
	o.byURL = map[string]*entry{}
	for i := range o.gateway.pointers {
		p := &o.gateway.pointers[i]
		if p.url == "" || o.byURL[p.url] != nil {
			continue
		}
		e := &entry{name: addressOf(p.url), kind: p.kind, products: -1, plain: promise{size: -1}}
		e.plain.hasMD5, _ = unhex(e.plain.md5[:], "", p.hash) // a malformed one was told by the rules
		if _, label, ok := feed.ParseFileName(path.Base(e.name)); ok {
			e.label = label
		}
		e.generation = generationOf(e.name)
		o.entries = append(o.entries, e)
		o.byURL[p.url] = e
	}
}

// generationOf gives the generation in an address "12/full.xml", 0 when there
// is none in it.
func generationOf(address string) int64 {
	dir, _, _ := strings.Cut(address, "/")
	n, err := strconv.ParseInt(dir, 10, 64)
	if err != nil || n <= 0 || strconv.FormatInt(n, 10) != dir {
		return 0
	}
	return n
}

// inGateway reports whether files of a kind have a place in gateways.
func inGateway(k feed.Kind) bool { return k != feed.KindFullCSV && k != feed.KindLightCSV }

// judgeGateway compares the gateway with the manifest and with the files.
func (o *offer) judgeGateway() {
	g := o.gateway
	zones := o.zones()
	o.gatewayTime(place{file: gatewayName}, "generated", g.generated, o.manifest.Generated, zones...)
	o.gatewayTime(place{file: gatewayName}, "created of the offer", g.created, o.manifest.Generated, zones...)
	o.gatewayTime(place{file: gatewayName}, "expires of the offer", g.expires, o.manifest.Expires, zones...)
	named := map[*entry]bool{}
	for i := range g.pointers {
		p := &g.pointers[i]
		at := place{file: gatewayName, line: p.line}
		e := o.byURL[p.url]
		if e == nil || e.kind != p.kind {
			o.strayPointer(p, at, named)
			continue
		}
		named[e] = true
		o.gatewayTime(at, "changed of "+e.name, p.changed, e.changed, o.zoneOf(e, zones)...)
		var hash promise
		hash.hasMD5, _ = unhex(hash.md5[:], "", p.hash)
		if sum := e.sumMD5(); !hash.hasMD5 || hash.md5 != sum {
			o.add(ruleGatewayHash, at, "it gives %.40q for %s, and its MD5 is %x", p.hash, e.name, sum)
		}
	}
	for _, e := range o.entries {
		if inGateway(e.kind) && !named[e] && !o.torn {
			o.add(ruleGatewayIncomplete, place{file: gatewayName}, "it does not name %s", e.name)
		}
	}
}

// strayPointer tells of a pointer that the manifest does not know, and counts
// the file that it should have named as named.
func (o *offer) strayPointer(p *pointer, at place, named map[*entry]bool) {
	var other *entry
	if p.kind != feed.KindFullChange {
		other = o.find(p.kind, "")
	}
	switch {
	case p.url == "", o.torn:
		return // the first is left to the rule of what is missing
	case other == nil:
		o.add(ruleGatewayFile, at, "it names %.80s, which the manifest does not list", addressOf(p.url))
		return
	}
	named[other] = true
	how := "another file than"
	if n := generationOf(addressOf(p.url)); n > 0 && n < other.generation {
		how = "an older file than"
	}
	o.add(ruleGatewayFile, at, "it names %.80s, %s the manifest's %s", addressOf(p.url), how, other.name)
}

// sumMD5 gives the MD5 that a file has, or should have where it was not read.
func (f *entry) sumMD5() [16]byte {
	if f.whole {
		return f.bytes.md5
	}
	return f.plain.md5
}

// zones finds the fixed offsets in which the offer's times are written: first the
// one that most of them have. A merchant may have moved his zone since older files
// were made, which stay as they are: their gateway tells of them what they say.
func (o *offer) zones() (list []time.Duration) {
	votes := map[time.Duration]int{}
	vote := func(text string, t time.Time) {
		if local, err := feed.ParseTime(text); err == nil {
			votes[local.Sub(t.UTC().Truncate(time.Second))]++
		}
	}
	vote(o.gateway.generated, o.manifest.Generated)
	vote(o.gateway.expires, o.manifest.Expires)
	for i := range o.gateway.pointers {
		if e := o.byURL[o.gateway.pointers[i].url]; e != nil {
			vote(o.gateway.pointers[i].changed, e.changed)
		}
	}
	best := 0
	var offset time.Duration
	for d, n := range votes {
		if n > best || n == best && d < offset {
			offset, best = d, n
		}
	}
	if best > 0 {
		list = append(list, offset)
	}
	for _, e := range o.entries {
		if d, ok := o.agreed()[e]; ok && !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list
}

// zoneOf gives the one offset of a file of which gateway and file tell the same,
// and else that of the offer.
func (o *offer) zoneOf(e *entry, zones []time.Duration) []time.Duration {
	if d, ok := o.agreed()[e]; ok {
		return []time.Duration{d}
	}
	return zones[:min(1, len(zones))]
}

// farthestZone is how far from UTC clocks are on earth.
const farthestZone = 14 * time.Hour

// agreed gives the offsets of the files of which the gateway tells what they tell
// themselves.
func (o *offer) agreed() map[*entry]time.Duration {
	if o.stamped != nil {
		return o.stamped
	}
	o.stamped = map[*entry]time.Duration{}
	for i := range o.gateway.pointers {
		p := &o.gateway.pointers[i]
		e := o.byURL[p.url]
		if e == nil || !e.sound || e.head.generated != p.changed {
			continue
		}
		local, err := feed.ParseTime(p.changed)
		if d := local.Sub(e.changed.UTC().Truncate(time.Second)); err == nil && d%time.Minute == 0 && d.Abs() <= farthestZone {
			o.stamped[e] = d
		}
	}
	return o.stamped
}

func (o *offer) gatewayTime(at place, what, text string, want time.Time, zones ...time.Duration) {
	local, err := feed.ParseTime(text)
	if err != nil || !slices.Contains(zones, local.Sub(want.UTC().Truncate(time.Second))) {
		o.add(ruleGatewayTime, at, "%s is %.40q, and the manifest says %s UTC (the offer's offset is %s)", what, text, stamp(want), offsets(zones))
	}
}

// offsets writes offsets for people.
func offsets(zones []time.Duration) string {
	if len(zones) == 0 {
		return "not known"
	}
	texts := make([]string, len(zones))
	for i, d := range zones {
		texts[i] = d.String()
	}
	return strings.Join(texts, " or ")
}
