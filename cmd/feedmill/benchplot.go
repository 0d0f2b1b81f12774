package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// benchPoint is what a publication cost at a place of a panel's axis; less than
// or equal to 0 was not measured.
type benchPoint struct{ x, alone, first, change, full float64 }

// benchPanel is one of the pictures that a plot has beside each other.
type benchPanel struct {
	title, axis string
	points      []benchPoint
}

var benchLines = [...]struct {
	name, colour string
	value        func(benchPoint) float64
}{
	{"each partner alone", "#b3261e", func(p benchPoint) float64 { return p.alone }},
	{"first publication", "#1f5fa8", func(p benchPoint) float64 { return p.first }},
	{"change, light and full", "#7a4fa3", func(p benchPoint) float64 { return p.full }},
	{"change and light", "#2e7d32", func(p benchPoint) float64 { return p.change }},
}

// benchPanels orders results by what they differ in: size, partners, share
// changed. Only what was measured for two values makes a panel, but the first
// always is one.
func benchPanels(results []benchResult) []benchPanel {
	if len(results) == 0 {
		return nil
	}
	base := &results[0]
	point := func(x int, r *benchResult) benchPoint {
		return benchPoint{float64(x), r.Alone, r.First.CPU, r.Shares[0].Change.CPU, r.Shares[0].Full.CPU}
	}
	size := benchPanel{title: fmt.Sprintf("%d partners, %g %% changed", base.Partners, base.Shares[0].Percent), axis: "products"}
	partners := benchPanel{title: fmt.Sprintf("%d products, %g %% changed", base.Products, base.Shares[0].Percent), axis: "partners"}
	share := benchPanel{title: fmt.Sprintf("%d products, %d partners", base.Products, base.Partners), axis: "percent changed"}
	for i := range results {
		r := &results[i]
		if r.Partners == base.Partners {
			size.points = append(size.points, point(r.Products, r))
		}
		if r.Products == base.Products {
			partners.points = append(partners.points, point(r.Partners, r))
		}
	}
	for _, s := range base.Shares {
		share.points = append(share.points, benchPoint{s.Percent, base.Alone, base.First.CPU, s.Change.CPU, s.Full.CPU})
	}
	panels := []benchPanel{size, partners, share}
	for i := range panels {
		slices.SortFunc(panels[i].points, func(a, b benchPoint) int { return cmp.Compare(a.x, b.x) })
	}
	return slices.DeleteFunc(panels, func(p benchPanel) bool { return len(p.points) < 2 && p.axis != size.axis })
}

// appendBenchPlot draws what publications cost by the size of the catalog, the
// number of partners and the share changed, all on scales of powers of ten.
func appendBenchPlot(dst []byte, results []benchResult) []byte {
	const panel, height, left, right, top, bottom, legend = 380, 420, 60, 20, 60, 50, 190
	panels := benchPanels(results)
	width := panel*max(len(panels), 1) + legend
	y0, y1 := math.Inf(1), math.Inf(-1)
	for _, p := range panels {
		for _, pt := range p.points {
			for _, l := range benchLines {
				if v := l.value(pt); v > 0 {
					y0, y1 = min(y0, math.Log10(v)), max(y1, math.Log10(v))
				}
			}
		}
	}
	y0, y1 = decades(y0, y1)
	py := func(v float64) float64 { return height - bottom - (math.Log10(v)-y0)/(y1-y0)*(height-top-bottom) }
	dst = fmt.Appendf(dst, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	dst = fmt.Appendf(dst, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	if len(results) > 0 {
		dst = fmt.Appendf(dst, `<text x="%d" y="22" font-size="14">Processor seconds for partners in %d profiles</text>`+"\n", left, results[0].Profiles)
	}
	for n, p := range panels {
		from := n*panel + left
		to := (n+1)*panel - right
		x0, x1 := math.Inf(1), math.Inf(-1)
		for _, pt := range p.points {
			x0, x1 = min(x0, math.Log10(pt.x)), max(x1, math.Log10(pt.x))
		}
		x0, x1 = decades(x0, x1)
		px := func(v float64) float64 { return float64(from) + (math.Log10(v)-x0)/(x1-x0)*float64(to-from) }
		dst = fmt.Appendf(dst, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (from+to)/2, top-14, p.title)
		for e := x0; e <= x1; e++ {
			x := px(math.Pow(10, e))
			dst = fmt.Appendf(dst, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%g</text>`+"\n", x, top, height-bottom, x, height-bottom+18, math.Pow(10, e))
		}
		for e := y0; e <= y1; e++ {
			y := py(math.Pow(10, e))
			dst = fmt.Appendf(dst, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g s</text>`+"\n", from, y, to, from-6, y+4, math.Pow(10, e))
		}
		dst = fmt.Appendf(dst, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (from+to)/2, height-12, p.axis)
		for _, l := range benchLines {
			var path, dots []byte
			for _, pt := range p.points {
				v := l.value(pt)
				if v <= 0 {
					continue
				}
				x, y := px(pt.x), py(v)
				path = fmt.Appendf(path, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[len(path) == 0], x, y)
				dots = fmt.Appendf(dots, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%g %s: %.2f s</title></circle>`, x, y, l.colour, pt.x, p.axis, v)
			}
			if len(path) > 0 {
				dst = fmt.Appendf(dst, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>%s`+"\n", path, l.colour, dots)
			}
		}
	}
	for n, l := range benchLines {
		dst = fmt.Appendf(dst, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", width-legend+14, top+16+n*20, l.colour, l.name)
	}
	return append(dst, "</svg>\n"...)
}

// decades widens a range of logarithms to whole ones, at least one.
func decades(from, to float64) (float64, float64) {
	if from > to {
		return 0, 1
	}
	from, to = math.Floor(from), math.Ceil(to)
	return from, max(to, from+1)
}
