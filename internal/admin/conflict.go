package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"feedmill/internal/partner"
)

// conflictView shows what two people want of one thing.
type conflictView struct {
	// What names the sort of thing.
	What        string
	Differences []conflictLine
	// Action sends Fields again with the version that stands now: what was sent
	// wins. Back leads to how things stand.
	Action, Back string
	Fields       []option
}

// conflictLine is one fact that stands otherwise than somebody wants it.
type conflictLine struct {
	Name, Stands, Sent string
}

// conflict answers a change that was made from an old version: with what stands
// now, what was sent, and a way to go on with either.
func (c *call) conflict(e *partner.ConflictError) (reply, error) {
	v := conflictView{What: e.What, Action: c.r.URL.Path}
	names := c.names()
	for _, d := range e.Differences {
		pairs, err := c.factPairs(names, d.Name, d.Stands, d.Sent)
		if err != nil {
			return reply{}, err
		}
		for _, p := range pairs {
			v.Differences = append(v.Differences, conflictLine{p.Name, p.A, p.B})
		}
	}
	for name, values := range c.r.PostForm {
		if name == "version" || strings.Contains(name, "password") || strings.Contains(name, "code") {
			continue
		}
		for _, text := range values {
			v.Fields = append(v.Fields, option{name, text})
		}
	}
	slices.SortStableFunc(v.Fields, func(a, b option) int { return strings.Compare(a.Value, b.Value) })
	v.Fields = append(v.Fields, option{"version", strconv.FormatInt(e.Now, 10)})
	if back := c.r.PostForm.Get("back"); back != "" {
		v.Back = root + safeBack(back)
	} else {
		v.Back = root + homeOf(e)
	}
	if e.Same && e.From > 0 && e.From < e.Now && !c.scripted() {
		// A form that was sent twice, or by two who want the same: there is nothing to decide.
		return move(strings.TrimPrefix(v.Back, root)).saying("conflict.same"), nil
	}
	if c.scripted() {
		c.panel.leaveFlash(c.w, said{"conflict.script", nil})
		c.w.Header().Set("HX-Refresh", "true")
	}
	return reply{status: http.StatusConflict, page: "conflict", data: v}, nil
}

// homeOf gives the page that shows how a thing stands.
func homeOf(e *partner.ConflictError) string {
	switch e.What {
	case "partner", "offer", "link", "user":
		return "/" + e.What + "s/" + e.ID
	case "price list":
		return "/price-lists/" + e.ID
	case "merchant":
		return "/settings"
	case "shop", "rate":
		return "/" + e.What + "s"
	}
	return "/"
}

// readable writes a fact for people: texts without quotes, lists of them with
// commas, objects in lines. A page says true and false in its own words.
func readable(text string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) == nil {
		return s
	}
	var list []string
	if json.Unmarshal([]byte(text), &list) == nil {
		return strings.Join(list, ", ")
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	switch v.(type) {
	case map[string]any, []any:
		if pretty, err := json.MarshalIndent(v, "", "  "); err == nil {
			return string(pretty)
		}
	}
	return text
}

func conflictPage() page {
	return page{name: "conflict", stories: func(s *scene) []story {
		return []story{{state: "partner", data: conflictView{What: "partner", Action: root + "/partners/p-aaaaaaaaaaaaaaaa", Back: root + "/partners/p-aaaaaaaaaaaaaaaa",
			Differences: []conflictLine{{"name", "Bike & Co", "Bike and Company <script>"}, {"feed", "true", "false"}, {"tags", "gold", "silver, eu"}, {"categories", "Bikes = 20\nParts = 5", ""}},
			Fields:      []option{{"name", "Bike and Company <script>"}, {"version", "7"}}}}}
	}}
}

func problemPage() page {
	return page{name: "problem", stories: func(s *scene) []story {
		var list []story
		for _, v := range []problemView{
			{403, "problem.crosssite", "", "4f1c"}, {403, "problem.forbidden", "", ""}, {404, "problem.notfound", "", ""}, {404, "problem.gone", "", ""},
			{409, "problem.conflict", "it is taken already", "9a31"}, {422, "problem.invalid", "the currency \"XX\" is not known", ""},
			{500, "problem.internal", "", "77aa01"}, {503, "problem.unavailable", "", "01"},
		} {
			list = append(list, story{state: strings.TrimPrefix(v.Key, "problem."), data: v})
		}
		return append(list, story{state: "signed-out", nobody: true, data: problemView{404, "problem.notfound", "", ""}})
	}}
}
