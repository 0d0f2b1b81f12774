package hammer

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"feedmill/feed"
	"feedmill/feed/consumer"
	"feedmill/feed/publish"
	"feedmill/internal/harness/site"
	"feedmill/internal/partner"
)

// offer is what a partner receives. Whoever reads it as its partner holds the
// lock for reading; whoever turns its switch holds it alone, until the switch is
// in force everywhere.
type offer struct {
	site.Offer
	sync.RWMutex
	on   bool
	look sight
	// known are files that gateways have named, by address.
	mu    sync.Mutex
	known map[string]*told
	order []string
	// gateways are by edge and time of generation, revoked are links of before.
	gateways map[string]string
	revoked  []partner.Secret
}

// told is a file that a gateway has named.
type told struct {
	md5   string
	light bool
	last  time.Time // when a gateway named it last
}

// inForce is how long a switch may take to be in force everywhere (I11).
const inForce = time.Second

var (
	named     = regexp.MustCompile(` url="([^"]+)" hash="([0-9a-f]{32})"`)
	generated = regexp.MustCompile(`generated="([^"]+)"`)
	changes   = regexp.MustCompile(`/full_change([0-9T-]+)\.xml"`)
)

// answer is what came of a request.
type answer struct {
	status int
	body   []byte
	header http.Header
}

// get asks for something; err is set where no whole answer came.
func (h *hammer) get(ctx context.Context, address, ranged, ifRange string) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return a, err
	}
	if ranged != "" {
		req.Header.Set("Range", ranged)
		req.Header.Set("If-Range", ifRange)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	a.status, a.header = res.StatusCode, res.Header
	a.body, err = io.ReadAll(res.Body)
	return a, err
}

// patient asks again after broken connections, as edges restart, and for longer
// where an edge cannot confirm in time who may read: that is no answer.
func (h *hammer) patient(ctx context.Context, address, ranged, ifRange string) (a answer, err error) {
	for broken, busy := 0, 0; broken < 12 && busy < 60; {
		if a, err = h.get(ctx, address, ranged, ifRange); err == nil && a.status != http.StatusServiceUnavailable {
			return a, nil
		}
		if err != nil {
			broken++
			h.count("connections broken", 1)
		} else {
			busy++
			h.count("answers that had to be waited for", 1)
		}
		timer := time.NewTimer(time.Duration(broken+busy) * 20 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return a, ctx.Err()
		}
	}
	if err == nil {
		err = fmt.Errorf("status %d", a.status)
	}
	return a, err
}

// read reads gateways and what they name, then and later.
func (h *hammer) read(r *rand.Rand) error {
	for h.ctx.Err() == nil {
		o, e := h.offers[r.IntN(len(h.offers))], h.edges[r.IntN(len(h.edges))]
		h.readOffer(r, o, e)
		h.pause(r, 60*time.Millisecond)
	}
	return nil
}

func (h *hammer) readOffer(r *rand.Rand, o *offer, e *edge) {
	o.RLock()
	defer o.RUnlock()
	if !o.on {
		return
	}
	before := h.Clock.Now()
	a, err := h.patient(h.ctx, e.url()+o.Address(), "", "")
	if err != nil || a.status != http.StatusOK {
		if h.ctx.Err() == nil {
			h.violate("I20", "a gateway is not answered: status %d, %v", a.status, err)
		}
		return
	}
	h.gateway(o, e, a.body, before)
	// One of the files that were named now, and one of long ago.
	o.mu.Lock()
	var some []string
	if n := len(o.order); n > 0 {
		some = append(some, o.order[n-1-r.IntN(min(n, 12))], o.order[r.IntN(n)])
	}
	o.mu.Unlock()
	for i, path := range some {
		h.file(r, o, e.url()+path, path, i == 1)
	}
}

// gateway looks at a gateway and notes what it names.
func (h *hammer) gateway(o *offer, e *edge, body []byte, at time.Time) {
	link := strings.TrimSuffix(o.Address(), "gateway.xml")
	stamp := ""
	if m := generated.FindSubmatch(body); m != nil {
		stamp = string(m[1])
	}
	var labels []string
	for _, m := range changes.FindAllSubmatch(body, -1) {
		labels = append(labels, string(m[1]))
	}
	for i := 1; i < len(labels); i++ {
		if labels[i] >= labels[i-1] {
			h.violate("I8", "a gateway lists change %s behind %s", labels[i], labels[i-1])
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known, o.gateways = map[string]*told{}, map[string]string{}
	}
	// The key holds the addresses of full and light, which are others after a
	// change of rules.
	addresses := ""
	for _, m := range named.FindAllSubmatch(body, -1) {
		path, sum := strings.TrimPrefix(string(m[1]), e.url()), string(m[2])
		if !strings.HasPrefix(path, link) {
			h.violate("I13", "a gateway names an address that is not its link's")
			continue
		}
		light := strings.HasSuffix(path, "/light.xml")
		if light || strings.HasSuffix(path, "/full.xml") {
			addresses += path
		}
		if t := o.known[path]; t == nil {
			o.known[path] = &told{md5: sum, light: light, last: at}
			o.order = append(o.order, path)
		} else {
			if t.md5 != sum {
				h.violate("I8", "%s denotes other bytes than before", strings.TrimPrefix(path, link))
			}
			if at.After(t.last) {
				t.last = at
			}
		}
	}
	key := fmt.Sprint(e.address, link, stamp, addresses)
	if had, ok := o.gateways[key]; ok && had != string(body) {
		h.violate("I2", "one generation and link have two gateways")
	}
	o.gateways[key] = string(body)
	h.count("gateways read", 1)
}

// file fetches a file whole, and sometimes a part of it.
func (h *hammer) file(r *rand.Rand, o *offer, address, path string, old bool) {
	a, err := h.patient(h.ctx, address, "", "")
	now := h.Clock.Now()
	if h.ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	t := *o.known[path]
	o.mu.Unlock()
	keep := publish.FullRetention
	if t.light {
		keep = publish.LightRetention
	}
	name := path[strings.LastIndexByte(path[:strings.LastIndexByte(path, '/')], '/')+1:]
	if err != nil || a.status != http.StatusOK {
		if now.Sub(t.last) < keep {
			h.violate("I2", "%s was named %v ago and is not answered: status %d, %v", name, now.Sub(t.last).Round(time.Minute), a.status, err)
		}
		h.count("files of long ago refused", 1)
		return
	}
	if sum := md5.Sum(a.body); hex.EncodeToString(sum[:]) != t.md5 {
		h.violate("I1", "%s has %d bytes that are not those of its hash", name, len(a.body))
		return
	}
	h.count("files fetched", 1)
	if old {
		h.count("old files fetched", 1)
	}
	if r.IntN(3) > 0 || len(a.body) < 3 {
		return
	}
	from := r.IntN(len(a.body) - 1)
	to := from + r.IntN(len(a.body)-from)
	part, err := h.patient(h.ctx, address, "bytes="+strconv.Itoa(from)+"-"+strconv.Itoa(to), a.header.Get("ETag"))
	switch {
	case h.ctx.Err() != nil:
	case err != nil || part.status == http.StatusNotFound && h.Clock.Now().Sub(t.last) < keep:
		h.violate("I2", "a part of %s, named %v ago and answered whole a moment ago, is not answered: status %d, %v", name,
			h.Clock.Now().Sub(t.last).Round(time.Minute), part.status, err)
	case part.status == http.StatusPartialContent && !bytes.Equal(part.body, a.body[from:to+1]),
		part.status == http.StatusOK && !bytes.Equal(part.body, a.body):
		h.violate("I1", "bytes %d to %d of %s are not those of the whole", from, to, name)
	case part.status == http.StatusPartialContent:
		h.count("ranges fetched", 1)
	}
}

// robot mirrors an offer at random times.
func (h *hammer) robot(r *rand.Rand, o *offer, dir string) error {
	for h.ctx.Err() == nil {
		// A robot that was away for long begins anew now and then.
		if r.IntN(12) == 0 {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
		if err := h.robotOnce(h.ctx, o, dir, false); err != nil {
			return fmt.Errorf("robot: %w", err)
		}
		h.pause(r, 300*time.Millisecond)
	}
	return nil
}

// robotOnce brings a copy up to date and compares it with the catalog as it was;
// newest wants it as it is now.
func (h *hammer) robotOnce(ctx context.Context, o *offer, dir string, newest bool) error {
	o.RLock()
	defer o.RUnlock()
	if !o.on {
		return nil
	}
	e := h.edges[0]
	c, err := consumer.New(e.url()+o.Address(), dir, consumer.Options{Now: h.Clock.Now, MaxLoss: 100, Attempts: 8, Backoff: 10 * time.Millisecond, AllowOlder: true})
	if err != nil {
		return err
	}
	report, err := c.Sync(ctx)
	state, ok := c.State()
	err = errors.Join(err, c.Close())
	if ctx.Err() != nil {
		return nil
	}
	switch f := consumer.FaultOf(err); {
	case f == consumer.FaultUnreachable || f == consumer.FaultStatus && strings.Contains(err.Error(), "503"):
		h.count("copies given up", 1)
		return nil
	case f != "":
		h.violate("I1-I5", "a robot cannot mirror the offer: %s: %v", f, err)
		return nil
	case err != nil || !ok:
		return err
	}
	h.count("change files applied", int64(report.Applied))
	if report.Full {
		h.count("full files fetched", 1)
	}
	return h.compare(ctx, dir, state, o.look, newest)
}

// compare compares a copy with the catalog that its generations are of.
func (h *hammer) compare(ctx context.Context, dir string, state consumer.State, look sight, newest bool) error {
	light := state.Files["light.xml"].SHA256
	cursors := map[bool]int64{}
	found := map[bool]bool{}
	lightKey := "?" // one that nobody knows the discount of
	err := h.Site.Records.EachRetained(ctx, h.Site.Merchant.ID, func(g publish.Generation, _ time.Time, current bool) error {
		isLight := g.Feed.Kind == feed.KindLight
		f := g.File(feed.KindLight)
		if !isLight && g.Number == state.Generation || isLight && f != nil && f.Generation == g.Number && f.Plain.SHA256.String() == light {
			cursors[isLight], found[isLight] = g.Cursor, true
			if isLight {
				lightKey = g.Feed.Key
			}
		}
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for _, isLight := range []bool{false, true} {
		name, key := "full.xml", ""
		if isLight {
			name, key = "light.xml", lightKey
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		got, err := parse(data)
		if err != nil {
			h.violate("I1", "%s of a copy cannot be read: %v", name, err)
			continue
		}
		if newest {
			if d := differs(got, h.model.since(latest), look, key); d != "" {
				h.violate("I6", "at rest %s does not show the catalog: %s", name, d)
			}
			h.count("copies compared at rest", 1)
		}
		if !found[isLight] {
			h.count("generations that were gone", 1)
			continue
		}
		if d := differs(got, h.model.since(cursors[isLight]), look, key); d != "" {
			h.violate("I3, I4, I6, I7", "%s of a copy is of the catalog after change %d and does not show it: %s", name, cursors[isLight], d)
		}
		h.count("copies compared", 1)
	}
	return h.history(ctx)
}

// history compares each generation that is kept with the one before it.
func (h *hammer) history(ctx context.Context) error {
	last := map[publish.FeedRef]publish.Generation{}
	gone := map[publish.FeedRef]bool{} // the last generation is of no use any more
	err := h.Site.Records.EachRetained(ctx, h.Site.Merchant.ID, func(g publish.Generation, retired time.Time, _ bool) error {
		before, any := last[g.Feed]
		// A feed that was retired starts from nothing when an offer comes to it again.
		anew := gone[g.Feed] && g.Base == 0 && g.Epoch > before.Epoch
		last[g.Feed], gone[g.Feed] = g, !retired.IsZero()
		if !any {
			return nil
		}
		h.count("generations compared", 1)
		switch {
		case g.Base < before.Number && !anew:
			h.violate("I9", "generation %d is made from %d and comes after %d", g.Number, g.Base, before.Number)
		case g.Time.UTC().Format(time.DateTime) <= before.Time.UTC().Format(time.DateTime):
			h.violate("I8", "generation %d is not later than %d", g.Number, before.Number)
		case g.Cursor < before.Cursor:
			h.violate("I6, I9", "generation %d goes back to change %d from %d", g.Number, g.Cursor, before.Cursor)
		}
		return nil
	})
	if err != nil && ctx.Err() != nil {
		return nil
	}
	return err
}
