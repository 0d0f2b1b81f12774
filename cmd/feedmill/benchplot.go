package main

import (
	"fmt"
	"math"
)

// appendBenchPlot draws what publications cost by the size of the catalog, both
// on scales of powers of ten.
func appendBenchPlot(dst []byte, results []benchResult) []byte {
	const width, height, left, right, top, bottom = 760, 420, 70, 210, 40, 50
	lines := []struct {
		name, colour string
		value        func(*benchResult) float64
	}{
		{"each partner alone", "#b3261e", func(r *benchResult) float64 { return r.Alone }},
		{"first publication", "#1f5fa8", func(r *benchResult) float64 { return r.First.CPU }},
		{"change, light and full", "#7a4fa3", func(r *benchResult) float64 { return r.Full.CPU }},
		{"change and light", "#2e7d32", func(r *benchResult) float64 { return r.Change.CPU }},
	}
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for i := range results {
		x := math.Log10(float64(results[i].Products))
		x0, x1 = min(x0, x), max(x1, x)
		for _, l := range lines {
			if v := l.value(&results[i]); v > 0 {
				y0, y1 = min(y0, math.Log10(v)), max(y1, math.Log10(v))
			}
		}
	}
	x0, x1, y0, y1 = math.Floor(x0), math.Ceil(x1), math.Floor(y0), math.Ceil(y1)
	if x1 <= x0 {
		x1 = x0 + 1
	}
	if y1 <= y0 {
		y1 = y0 + 1
	}
	px := func(v float64) float64 { return left + (math.Log10(v)-x0)/(x1-x0)*(width-left-right) }
	py := func(v float64) float64 { return height - bottom - (math.Log10(v)-y0)/(y1-y0)*(height-top-bottom) }
	dst = fmt.Appendf(dst, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	dst = fmt.Appendf(dst, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	if len(results) > 0 {
		r := &results[0]
		dst = fmt.Appendf(dst, `<text x="%d" y="22" font-size="14">Processor seconds for %d partners in %d profiles</text>`+"\n", left, r.Partners, r.Profiles)
	}
	for e := x0; e <= x1; e++ {
		x := px(math.Pow(10, e))
		dst = fmt.Appendf(dst, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x, top, height-bottom, x, height-bottom+18, math.Pow(10, e))
	}
	for e := y0; e <= y1; e++ {
		y := py(math.Pow(10, e))
		dst = fmt.Appendf(dst, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g s</text>`+"\n", left, y, width-right, left-6, y+4, math.Pow(10, e))
	}
	dst = fmt.Appendf(dst, `<text x="%d" y="%d" text-anchor="middle">products</text>`+"\n", (left+width-right)/2, height-12)
	for n, l := range lines {
		var path, dots []byte
		for i := range results {
			v := l.value(&results[i])
			if v <= 0 {
				continue
			}
			x, y := px(float64(results[i].Products)), py(v)
			path = fmt.Appendf(path, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[len(path) == 0], x, y)
			dots = fmt.Appendf(dots, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%d products: %.2f s</title></circle>`, x, y, l.colour, results[i].Products, v)
		}
		if len(path) == 0 {
			continue
		}
		dst = fmt.Appendf(dst, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>%s`+"\n", path, l.colour, dots)
		dst = fmt.Appendf(dst, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", width-right+14, top+16+n*20, l.colour, l.name)
	}
	return append(dst, "</svg>\n"...)
}
