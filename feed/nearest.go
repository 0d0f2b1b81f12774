package feed

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// Nearest gives the one of names that was meant, most likely, by somebody who
// wrote name, and "" when none is like it: one that differs in capitals and
// blanks alone, else the one with the fewest letters added, left out, changed or
// swapped, one for each three that name has and three at most. Of equals the
// first wins. It is made for mistakes, which are few, and allocates.
func Nearest(name string, names iter.Seq[string]) string {
	want := []rune(folded(name))
	best, limit := "", min(len(want)/3, 3)
	var row []int
	for n := range names {
		if n == name || n == "" {
			continue
		}
		if d := utf8.RuneCountInString(n) - len(want); d > limit+8 || -d > limit+8 {
			continue // blanks may be in it that do not count, and few of them
		}
		d := distance(want, []rune(folded(n)), limit, &row)
		if d == 0 {
			return n
		}
		if d <= limit {
			best, limit = n, d-1
		}
	}
	return best
}

// folded leaves out what people do not see as a difference, or have no key for.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(marked, r); i >= 0 {
			return rune(plain[utf8.RuneCountInString(marked[:i])])
		}
		return r
	}, strings.ToLower(strings.Join(strings.Fields(s), " ")))
}

// marked are letters of the languages around, plain what people type for them.
const (
	marked = "ąćęłńóśźżáčďéěíňřšťúůýžäöüőűăâîșțđëèêàçñ"
	plain  = "acelnoszzacdeeinrstuuyzaououaaistdeeeacn"
)

// distance counts letters added, left out, changed or swapped with their
// neighbour between two texts, and gives more than limit where it is more.
func distance(a, b []rune, limit int, rows *[]int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	n := len(b) + 1
	if cap(*rows) < 3*n {
		*rows = make([]int, 3*n)
	}
	all := (*rows)[:3*n]
	before, prev, row := all[:n], all[n:2*n], all[2*n:]
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j < n; j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, before[j-2]+1)
			}
			row[j], least = d, min(least, d)
		}
		if least > limit {
			return limit + 1
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
