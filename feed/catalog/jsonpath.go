package catalog

import (
	"strconv"
	"strings"
)

// fieldPath leads to the current value: a step for each object around it.
type fieldPath struct {
	steps [maxPath]step
	deep  int // the index of the last
}

// maxPath is more than the format nests objects; what it does not know makes no step.
const maxPath = 16

// step is one step of a path.
type step struct {
	name  string
	index int // -1 outside of lists
}

// start makes it the path to what is in a line.
func (p *fieldPath) start() {
	p.deep = 0
	p.steps[0] = step{index: -1}
}

func (p *fieldPath) enter() {
	p.deep++
	*p.last() = step{index: -1}
}

func (p *fieldPath) leave() { p.deep-- }

// last gives the last step.
func (p *fieldPath) last() *step { return &p.steps[p.deep&(maxPath-1)] }

// at makes a member that run has read the one that problems are told of.
func (d *decoder) at(o *object, member int32) {
	*d.path.last() = step{name: o.names[member], index: -1}
}

// field gives the path of the current value: sizes[0].stock[1].quantity.
func (d *decoder) field() string {
	var b strings.Builder
	for i, s := range d.path.steps[:d.path.deep+1] {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		}
	}
	return b.String()
}

// refuse reports a value that was read.
func (d *decoder) refuse(message, hint string) { d.fail(d.field(), message, hint) }
