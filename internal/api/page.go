package api

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// paging is what every list takes.
type paging struct {
	Cursor string `query:"cursor" doc:"goes on where the page before has ended: its next" schema:"max=1000"`
	Limit  int    `query:"limit" doc:"how many items at most; default 100" schema:"min=1,max=1000"`
}

// page is one page of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"the cursor of the next page; left out at the end"`
}

const defaultLimit = 100

func (p *paging) limit() int {
	if p.Limit == 0 {
		return defaultLimit
	}
	return p.Limit
}

// cursor makes a cursor: where a page has ended, in this list with these filters.
// A place is a key and no count, so what comes in meanwhile moves nothing.
func (c *call) cursor(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.list() + key))
}

// place reads a cursor; "" is the beginning.
func (c *call) place(p *paging) (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	key, ok := strings.CutPrefix(string(text), c.list())
	if err != nil || !ok || key == "" {
		return "", refuse(problemCursor, "ask from the beginning, or with the same filters as before")
	}
	return key, nil
}

// numberPlace reads a cursor whose key is a number, 0 for the beginning.
func (c *call) numberPlace(p *paging) (int64, error) {
	key, err := c.place(p)
	if err != nil || key == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(key, 10, 64)
	if err != nil || n <= 0 {
		return 0, refuse(problemCursor, "ask from the beginning")
	}
	return n, nil
}

// list names the list that a cursor belongs to.
func (c *call) list() string {
	filters := url.Values{}
	for name, v := range c.query {
		if name != "cursor" && name != "limit" {
			filters[name] = v
		}
	}
	sum := digest(c.op.id, c.r.URL.EscapedPath(), filters.Encode())
	return string(sum[:6])
}

// pageOf gives a page of a whole list, in the order of keys, which no two have.
func pageOf[T, D any](c *call, p *paging, list []T, key func(*T) string, show func(*T) D) (*page[D], error) {
	after, err := c.place(p)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(key(&a), key(&b)) })
	out := &page[D]{Items: []D{}}
	for i := range list {
		k := key(&list[i])
		if after != "" && k <= after {
			continue
		}
		if len(out.Items) == p.limit() {
			out.Next = c.cursor(key(&list[i-1]))
			break
		}
		out.Items = append(out.Items, show(&list[i]))
	}
	return out, nil
}

// numbered gives a page of what was read in the order of numbers; more says that
// there may be others behind it.
func numbered[T, D any](c *call, p *paging, list []T, number func(*T) int64, show func(*T) D) *page[D] {
	out := &page[D]{Items: []D{}}
	for i := range list {
		out.Items = append(out.Items, show(&list[i]))
	}
	if len(list) == p.limit() {
		out.Next = c.cursor(strconv.FormatInt(number(&list[len(list)-1]), 10))
	}
	return out
}
