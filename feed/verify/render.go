package verify

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"feedmill/feed"
)

// Text writes a report for people: the verdict, then what was found, by rule.
func Text(to io.Writer, r Report) error {
	w := bufio.NewWriter(to)
	fmt.Fprintf(w, "%s: %s\n", r.Subject, Verdict(r))
	for _, n := range r.Counts {
		fmt.Fprintf(w, "\n%s (%s), %s: %s\n", n.Rule, n.Severity, times(n.Found), n.Title)
		mend := ""
		for _, f := range r.Findings {
			if f.Rule != n.Rule {
				continue
			}
			fmt.Fprintf(w, "  - %s\n", strings.TrimPrefix(f.String(), n.Rule+"  "))
			mend = f.Mend
		}
		if more := n.Found - int64(n.Shown); more > 0 {
			fmt.Fprintf(w, "  - and %d more\n", more)
		}
		fmt.Fprintf(w, "  What to do: %s\n", mend)
	}
	if len(r.Skipped) > 0 {
		fmt.Fprintf(w, "\nNot judged because of what was found:\n")
		for _, s := range r.Skipped {
			fmt.Fprintf(w, "  - %s\n", feed.Visible(s))
		}
	}
	return w.Flush()
}

// Verdict says in one line how a check ended.
func Verdict(r Report) string {
	word := "clean"
	switch e, n := r.Total(SeverityError), r.Total(SeverityWarning); {
	case e > 0:
		word = fmt.Sprintf("not clean, %s and %s", plural(e, "error"), plural(n, "warning"))
	case n > 0:
		word = "clean, " + plural(n, "warning")
	}
	what := []string{plural(int64(r.Files), "file"), plural(r.Products, "product")}
	if r.Generations > 0 {
		what = append([]string{plural(int64(r.Offers), "offer"), plural(int64(r.Generations), "generation")}, what...)
	}
	if r.Compared > 0 {
		what = append(what, plural(int64(r.Compared), "pair")+" of full files linked by their changes")
	}
	return fmt.Sprintf("%s; %s, %d bytes", word, strings.Join(what, ", "), r.Bytes)
}

// ScrubText writes the report of a scrub for people.
func ScrubText(to io.Writer, r ScrubReport) error {
	w := bufio.NewWriter(to)
	rate := ""
	if s := r.Took.Seconds(); s >= 1 {
		rate = fmt.Sprintf(" in %s, %.1f MB/s", r.Took.Round(time.Second), float64(r.Bytes)/s/1e6)
	}
	verdict := "all as they were stored"
	if !r.Clean() {
		verdict = plural(int64(len(r.Damaged)), "damaged blob")
	}
	fmt.Fprintf(w, "%s, %d bytes read%s: %s\n", plural(int64(r.Blobs), "blob"), r.Bytes, rate, verdict)
	for _, d := range r.Damaged {
		fmt.Fprintf(w, "\n%s (%s): %s\n", feed.Visible(d.Key), d.Fault, feed.Visible(d.Message))
		for _, h := range d.Hurts {
			state := "replaced"
			if h.Current {
				state = "current"
			}
			fmt.Fprintf(w, "  - it is %s, generation %d (%s)", h.File, h.Generation, state)
			if len(h.Offers) > 0 {
				fmt.Fprintf(w, ", of %s", strings.Join(h.Offers, "; "))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "  What to do: %s\n", d.Mend)
	}
	return w.Flush()
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
