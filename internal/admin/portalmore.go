package admin

import (
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/auth"
	"feedmill/internal/partner"
)

// portalTabs says which of the portal's pages is shown, and for which offer.
type portalTabs struct {
	Tab    string
	Offers []tabView
}

// portalOf gives who asks and the offer that the address names, else his first,
// nil where he has none; it fills in the ways to his other offers.
func (c *call) portalOf(tabs *portalTabs) (recipient, *partner.Offer, error) {
	r, err := c.recipient()
	if err != nil {
		return r, nil, err
	}
	var chosen *partner.Offer
	if id := c.query("offer"); id != "" {
		if chosen, err = r.offer(id); err != nil {
			return r, nil, err
		}
	} else if len(r.offers) > 0 {
		chosen = &r.offers[0]
	}
	for i := range r.offers {
		o := &r.offers[i]
		tabs.Offers = append(tabs.Offers, tabView{root + "/portal/" + tabs.Tab + "?offer=" + string(o.ID), o.Name, o.ID == chosen.ID})
	}
	return r, chosen, nil
}

// connectView says how to read an offer by program.
type connectView struct {
	portalTabs
	Address  string
	Snippets []snippet
}

// snippet is a program to copy.
type snippet struct{ ID, Name, Code string }

func connectPage() page {
	return page{name: "connect", routes: []route{get("/portal/connect", portal(), func(c *call) (reply, error) {
		if _, err := c.recipient(); err != nil {
			return reply{}, err
		}
		base := c.panel.opt.FeedURL
		if c.merchant.BaseURL != "" {
			base = c.merchant.BaseURL
		}
		return show("connect", connectOf(base)), nil
	})}, stories: func(s *scene) []story {
		return []story{{state: "plain", role: auth.Portal, data: connectOf("https://feeds.example.com")}}
	}}
}

// linkHere stands in addresses for the secret, which nobody keeps.
const linkHere = "YOUR-LINK"

func connectOf(base string) connectView {
	at := strings.ReplaceAll(base, "'", "%27") + "/o/" + linkHere
	replace := func(s string) string { return strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "ADDRESS", at) }
	return connectView{portalTabs: portalTabs{Tab: "connect"}, Address: at + "/gateway.xml", Snippets: []snippet{
		{"curl", "curl", replace(`
# Fetches light.xml, and nothing when it has not changed since.
curl --fail --silent --show-error --compressed \
  --etag-compare light.etag --etag-save light.etag \
  --output light.xml 'ADDRESS/light.xml'
`)},
		{"go", "Go", replace(`
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	req, err := http.NewRequest("GET", "ADDRESS/light.xml", nil)
	if err != nil {
		panic(err)
	}
	if tag, err := os.ReadFile("light.etag"); err == nil {
		req.Header.Set("If-None-Match", strings.TrimSpace(string(tag)))
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotModified {
		return
	}
	if res.StatusCode != http.StatusOK {
		panic(fmt.Sprint("the server answers ", res.Status))
	}
	out, err := os.Create("light.xml.part")
	if err != nil {
		panic(err)
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		panic(err)
	}
	if err := out.Close(); err != nil {
		panic(err)
	}
	// Only a file that arrived whole takes the old one's place.
	if err := os.Rename("light.xml.part", "light.xml"); err != nil {
		panic(err)
	}
	_ = os.WriteFile("light.etag", []byte(res.Header.Get("ETag")), 0o600)
}
`)},
		{"php", "PHP", replace(`
<?php
$tag = is_file('light.etag') ? trim(file_get_contents('light.etag')) : '';
$new = '';
$out = fopen('light.xml.part', 'wb');
$c = curl_init('ADDRESS/light.xml');
curl_setopt_array($c, [
    CURLOPT_FILE => $out,
    CURLOPT_ENCODING => '',
    CURLOPT_HTTPHEADER => $tag === '' ? [] : ["If-None-Match: $tag"],
    CURLOPT_HEADERFUNCTION => function ($c, $line) use (&$new) {
        if (stripos($line, 'etag:') === 0) {
            $new = trim(substr($line, 5));
        }
        return strlen($line);
    },
]);
$ok = curl_exec($c);
$status = curl_getinfo($c, CURLINFO_RESPONSE_CODE);
fclose($out);
if ($ok && $status === 200) {
    rename('light.xml.part', 'light.xml');
    file_put_contents('light.etag', $new);
} elseif (!$ok || $status !== 304) {
    throw new RuntimeException("the server answers $status: " . curl_error($c));
}
`)},
		{"python", "Python", replace(`
import os
import shutil
import urllib.error
import urllib.request

request = urllib.request.Request("ADDRESS/light.xml")
if os.path.exists("light.etag"):
    with open("light.etag") as f:
        request.add_header("If-None-Match", f.read().strip())
try:
    with urllib.request.urlopen(request, timeout=60) as answer:
        with open("light.xml.part", "wb") as out:
            shutil.copyfileobj(answer, out)
        # Only a file that arrived whole takes the old one's place.
        os.replace("light.xml.part", "light.xml")
        with open("light.etag", "w") as f:
            f.write(answer.headers["ETag"])
except urllib.error.HTTPError as e:
    if e.code != 304:
        raise
`)},
	}}
}

// changesView is the changelog of an offer.
type changesView struct {
	portalTabs
	Lines []changeLine
	Pager pager
	// Off says that the offer cannot be read now, so that nothing is told of it.
	Off bool
}

// changeLine is one generation as the recipient sees it.
type changeLine struct {
	Number, Products, More, Fewer int64
	Time                          time.Time
	// Change is the change file that leads to it, "" for none; Nodes counts it.
	Change string
	Nodes  int64
	// Full says that it has a new full file.
	Full bool
}

func changesPage() page {
	return page{name: "changes", routes: []route{get("/portal/changes", portal(), showChanges)}, stories: func(s *scene) []story {
		tabs := portalTabs{"changes", []tabView{{"/panel/portal/changes?offer=o-aaaaaaaaaaaaaaaa", "Main", true}, {"/panel/portal/changes?offer=o-bbbbbbbbbbbbbbbb", "Tylko <lampki>", false}}}
		return []story{{state: "plain", role: auth.Portal, data: changesView{portalTabs: tabs, Pager: pager{Older: "/panel/portal/changes?before=9"}, Lines: []changeLine{
			{812, 104_217, 2, 0, s.ago(time.Hour), "full_change2026-11-21T13-30-00.xml", 311, false}, {800, 104_215, 0, 12, s.ago(9 * time.Hour), "", 0, true}}}},
			{state: "off", role: auth.Portal, data: changesView{portalTabs: portalTabs{Tab: "changes"}, Off: true}},
			{state: "empty", role: auth.Portal, data: changesView{portalTabs: portalTabs{Tab: "changes"}}}}
	}}
}

func showChanges(c *call) (reply, error) {
	v := changesView{portalTabs: portalTabs{Tab: "changes"}}
	r, o, err := c.portalOf(&v.portalTabs)
	if err != nil || o == nil {
		return show("changes", v), err
	}
	if v.Off = !partner.Readable(&c.merchant, &r.partner, o, c.now()); v.Off {
		return show("changes", v), nil
	}
	list, err := c.panel.opt.Manage.History(c.ctx, r.reads, o.ID, feed.KindFull, c.before(), perHistory+1)
	if err != nil {
		return reply{}, err
	}
	shown, p := newestFirst(c, list, perHistory, numberOf)
	v.Pager = p
	for i := range shown {
		g := &shown[i]
		l := changeLine{Number: g.Number, Products: g.Products, Time: g.Time}
		if i+1 < len(list) { // the one before, even where it stands on the next page
			l.More, l.Fewer = max(g.Products-list[i+1].Products, 0), max(list[i+1].Products-g.Products, 0)
		}
		for j := range g.Files {
			f := &g.Files[j]
			switch {
			case f.Generation != g.Number:
			case f.Kind == feed.KindFull:
				l.Full = true
			case f.Kind == feed.KindFullChange:
				l.Change, l.Nodes = f.Kind.FileName(f.Label), f.Products
			}
		}
		v.Lines = append(v.Lines, l)
	}
	return show("changes", v), nil
}

// downloadsView lists a partner's own downloads.
type downloadsView struct {
	portalTabs
	Lines []ledgerLine
	Pager pager
}

func downloadsPage() page {
	return page{name: "downloads", routes: []route{get("/portal/downloads", portal(), showDownloads)}, stories: func(s *scene) []story {
		tabs := portalTabs{"downloads", []tabView{{"/panel/portal/downloads?offer=o-aaaaaaaaaaaaaaaa", "Main", true}}}
		return []story{{state: "plain", role: auth.Portal, data: downloadsView{portalTabs: tabs, Lines: []ledgerLine{
			{s.ago(time.Minute), "light", "", "812", 18_400_000, "complete", "", "shop software", "203.0.113.0", "curl/8.5 <b>", 900 * time.Millisecond},
			{s.ago(time.Hour), "full_change", "2026-11-21T12-00-00", "800", 900, "broken", "", "old", "2001:db8::", "Java/17", 31 * time.Second}}}},
			{state: "empty", role: auth.Portal, data: downloadsView{portalTabs: portalTabs{Tab: "downloads"}}}}
	}}
}

func showDownloads(c *call) (reply, error) {
	v := downloadsView{portalTabs: portalTabs{Tab: "downloads"}}
	r, o, err := c.portalOf(&v.portalTabs)
	if err != nil || o == nil {
		return show("downloads", v), err
	}
	if v.Lines, v.Pager, err = c.downloads(r.reads, o.ID); err != nil {
		return reply{}, err
	}
	for i := range v.Lines {
		v.Lines[i].Refusal = "" // why somebody was refused is the merchant's to tell
	}
	return show("downloads", v), nil
}
