package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a long job is: a bar with count, rate and time left on
// a terminal, a line every few seconds elsewhere.
type progress struct {
	what string
	to   io.Writer
	now  func() time.Time
	bar  *progressbar.ProgressBar

	start, last time.Time
	products    int64
}

// lineEvery is how often a plain line is written.
const lineEvery = 5 * time.Second

func (w *world) newProgress(what string) *progress {
	p := &progress{what: what, to: w.stderr, now: w.now, start: w.now(), last: w.now()}
	if w.terminal {
		p.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w.stderr), progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	}
	return p
}

// read tells the bytes read of a total, -1 when unknown, and the products in them.
func (p *progress) read(done, total, products int64) {
	p.products = products
	if p.bar != nil {
		if total > 0 && p.bar.GetMax64() != total {
			p.bar.ChangeMax64(total)
		}
		p.bar.Describe(fmt.Sprintf("%s, %d products", p.what, products))
		_ = p.bar.Set64(min(done, max(total, done))) // a bar that cannot be drawn stops nobody
		return
	}
	now := p.now()
	if now.Sub(p.last) < lineEvery {
		return
	}
	p.last = now
	rate := float64(products) / max(now.Sub(p.start).Seconds(), 1e-3)
	if total > 0 {
		left := time.Duration(float64(now.Sub(p.start)) * float64(total-done) / float64(max(done, 1))).Round(time.Second)
		fmt.Fprintf(p.to, "%s: %d products, %d %%, %.0f products/s, %s left\n", p.what, products, done*100/total, rate, left)
		return
	}
	fmt.Fprintf(p.to, "%s: %d products, %.0f products/s\n", p.what, products, rate)
}

// done removes the bar.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish() // as above
	}
}
