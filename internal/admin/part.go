package admin

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// switchView is a switch that turns at once: a form of one button.
type switchView struct {
	// ID names the element that is replaced when scripts are on.
	ID string
	// Action is where it is sent, Back where the browser goes without scripts.
	Action, Back string
	Version      int64
	On           bool
	// Label says what it switches, Name of what, for those who cannot see the row.
	Label, Name string
	// Off says that the viewer may not turn it.
	Disabled bool
}

// Button names the button, in the row before and in the one that replaces it: the
// browser's focus is kept by it.
func (v switchView) Button() string {
	return "turn" + strings.ReplaceAll(strings.TrimPrefix(v.Action, root), "/", "-")
}

// newSwitch makes a switch for templates; label is a message.
func newSwitch(id, action string, version int64, on bool, label, name string, may bool) switchView {
	return switchView{ID: id, Action: action, Version: version, On: on, Label: label, Name: name, Disabled: !may}
}

// turned leads back to the page on which a switch was turned, and to the switch
// itself: who has fifty rows before him goes on at the next one.
func (c *call) turned(f *form, other string) reply {
	back := safeBack(cmp.Or(f.Value("back"), other))
	return move(back + "#" + switchView{Action: c.r.URL.Path}.Button())
}

// tabView is one of the ways to look at a thing.
type tabView struct {
	Address, Label string
	Current        bool
}

func newTab(address, label string, current bool) tabView { return tabView{address, label, current} }

// pager leads through pages of a list.
type pager struct {
	// Newer and Older are addresses, "" for none.
	Newer, Older string
	// From, To and Total count lines; Total is 0 where nobody has counted.
	From, To, Total int
}

// perPage is how many lines a list shows.
const perPage = 50

// before gives the number that a list goes on below, 0 where it begins with the newest.
func (c *call) before() int64 {
	n, _ := strconv.ParseInt(c.query("before"), 10, 64)
	return max(n, 0)
}

// newestFirst leads through a list whose lines are numbered, the newest first.
// The list was asked for below [call.before] and with one line more than a page
// shows; it gives those that the page shows.
func newestFirst[T any](c *call, list []T, most int, number func(*T) int64) ([]T, pager) {
	var p pager
	if len(list) > most {
		list = list[:most]
		p.Older = withQuery(c.r.URL, "before", strconv.FormatInt(number(&list[most-1]), 10))
	}
	if c.before() > 0 {
		p.Newer = withQuery(c.r.URL, "before", "")
	}
	return list, p
}

// pageOf gives the part of a list that the query asks for, and the way to the rest.
func pageOf[T any](list []T, r *url.URL) ([]T, pager) {
	n, _ := strconv.Atoi(r.Query().Get("page"))
	last := max(0, (len(list)-1)/perPage)
	n = min(max(n, 0), last)
	from, to := n*perPage, min((n+1)*perPage, len(list))
	p := pager{From: from + 1, To: to, Total: len(list)}
	if n > 0 {
		p.Newer = withQuery(r, "page", strconv.Itoa(n-1))
	}
	if n < last {
		p.Older = withQuery(r, "page", strconv.Itoa(n+1))
	}
	return list[from:to], p
}

// withQuery gives an address with one value of its query changed.
func withQuery(u *url.URL, name, value string) string {
	q := u.Query()
	if value == "" {
		q.Del(name)
	} else {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return u.Path
	}
	return u.Path + "?" + q.Encode()
}

// copyView is a text that people take with them.
type copyView struct {
	ID, Label, Text string
}

// shorten cuts a text for a list or a message.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
