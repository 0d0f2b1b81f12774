package iof

import (
	"fmt"
	"strings"

	"feedmill/feed"
)

// group reads the variant group (IOF 4.11).
func (r *Reader) group(p *feed.Product) {
	g := &feed.Group{}
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "id":
			r.setTrimmed(&g.ID, a)
		case "first_product_id":
			r.setTrimmed(&g.First, a)
		case "code_external":
			r.setTrimmed(&g.ExternalCode, a)
		case "first_product_code_iai":
			r.setTrimmed(&g.FirstCode, a)
		case "first_product_code_producer":
			r.setTrimmed(&g.FirstProducerCode, a)
		case "first_product_code_external":
			r.setTrimmed(&g.FirstExternalCode, a)
		}
	}
	for r.child() {
		if string(r.t.Name().Local) != "group_by_parameter" {
			r.unknown("group/")
			continue
		}
		r.groupName(&g.Parameter, "group/group_by_parameter", &g.Value)
	}
	if g.ID == "" {
		r.warn("group/@id", "a group without an id was ignored")
		return
	}
	if p.Group == nil {
		p.Group = g
	}
}

// groupName reads the parameter or the value of a group; value is where a
// product_value inside it goes, or nil.
func (r *Reader) groupName(n *feed.GroupName, field string, value *feed.GroupName) {
	lang := r.langOf(field)
	name := ""
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "id":
			n.ID = r.trimmed(a.Value)
		case "name":
			name = r.string(a.Value)
		}
	}
	for r.child() {
		switch local := string(r.t.Name().Local); {
		case local == "name":
			r.addText(&n.Names, field+"/name")
		case local == "product_value" && value != nil:
			r.groupName(value, field+"/product_value", nil)
		default:
			r.unknown("group/")
		}
	}
	if len(n.Names) == 0 {
		r.addName(&n.Names, lang, name, field)
	}
}

// lookBack is how far back a node of the same id is looked for, to merge
// nodes that are repeated for each language.
const lookBack = 64

// parameters reads sections and parameters (IOF 4.12).
func (r *Reader) parameters(p *feed.Product) {
	for r.child() {
		switch string(r.t.Name().Local) {
		case "parameter", "section":
			r.parameter(p)
		default:
			r.unknown("parameters/")
		}
	}
}

func (r *Reader) parameter(p *feed.Product) {
	const field = "parameters/parameter"
	m := feed.Parameter{Section: string(r.t.Name().Local) == "section"}
	lang := r.langOf(field)
	name, context := "", ""
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "id":
			r.setTrimmed(&m.ID, a)
		case "name":
			name = r.string(a.Value)
		case "type":
			m.Section = m.Section || strings.TrimSpace(view(a.Value)) == "section"
		case "priority":
			r.int(field+"/@priority", &m.Priority, a.Value)
		case "distinction":
			r.flag(field+"/@distinction", &m.Distinction, a)
		case "group_distinction":
			r.flag(field+"/@group_distinction", &m.GroupDistinction, a)
		case "hide":
			r.flag(field+"/@hide", &m.Hide, a)
		case "auction_template_hide":
			r.flag(field+"/@auction_template_hide", &m.AuctionHide, a)
		case "context_id":
			r.setTrimmed(&context, a)
		}
	}
	m.Context = r.context(field, "a parameter", context, feed.IsParameterContext)
	at := -1
	for i := len(p.Parameters) - 1; i >= max(0, len(p.Parameters)-lookBack); i-- {
		if q := &p.Parameters[i]; q.ID == m.ID && q.Section == m.Section {
			if _, ok := q.Names.Get(lang); !ok {
				at = i
			}
			break
		}
	}
	if at < 0 {
		p.Parameters = grow(p.Parameters, func(q *feed.Parameter) {
			m.Names, m.Values = q.Names[:0], q.Values[:0]
			*q = m
		})
		at = len(p.Parameters) - 1
	}
	q := &p.Parameters[at]
	r.addName(&q.Names, lang, name, field)
	for r.child() {
		switch string(r.t.Name().Local) {
		case "value":
			r.value(q)
		case "name":
			r.addText(&q.Names, field+"/name")
		default:
			r.unknown("parameter/")
		}
	}
}

// context gives a context that is one of what has it, and "" for any other.
func (r *Reader) context(field, of, context string, known func(string) bool) string {
	if context == "" || known(context) {
		return context
	}
	if r.once("context " + context) {
		r.warn(field+"/@context_id", fmt.Sprintf("%.60q is not the context of %s", context, of))
	}
	return ""
}

func (r *Reader) value(m *feed.Parameter) {
	const field = "parameters/parameter/value"
	var v feed.ParameterValue
	lang := r.langOf(field)
	name, context := "", ""
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "id":
			r.setTrimmed(&v.ID, a)
		case "name":
			name = r.string(a.Value)
		case "priority":
			r.int(field+"/@priority", &v.Priority, a.Value)
		case "context_id":
			r.setTrimmed(&context, a)
		}
	}
	v.Context = r.context(field, "a value", context, feed.IsValueContext)
	for i := len(m.Values) - 1; i >= max(0, len(m.Values)-lookBack); i-- {
		if q := &m.Values[i]; q.ID == v.ID {
			if _, ok := q.Names.Get(lang); !ok {
				r.addName(&q.Names, lang, name, field)
				r.skip()
				return
			}
			break
		}
	}
	m.Values = grow(m.Values, func(q *feed.ParameterValue) {
		v.Names = q.Names[:0]
		*q = v
	})
	r.addName(&m.Values[len(m.Values)-1].Names, lang, name, field)
	r.skip()
}

// bundled reads the composition of a set (IOF 4.13).
func (r *Reader) bundled(p *feed.Product) {
	b := &feed.Bundled{}
	for i := range r.t.Attrs() {
		if a := &r.t.Attrs()[i]; string(a.Local) == "type" {
			b.Specified = strings.TrimSpace(view(a.Value)) == "specified"
		}
	}
	for r.child() {
		if string(r.t.Name().Local) != "product" {
			r.unknown("bundled/")
			continue
		}
		var c feed.Component
		r.component(&c)
		if c.ID == "" {
			r.warn("bundled/product/@id", "a component without an id was ignored")
			continue
		}
		b.Components = append(b.Components, c)
	}
	if p.Bundled == nil {
		p.Bundled = b
	}
}

func (r *Reader) component(c *feed.Component) {
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "id":
			r.setTrimmed(&c.ID, a)
		case "quantity":
			r.quantity("bundled/product/@quantity", &c.Quantity, a.Value)
		case "type":
			choice, err := feed.ParseComponentChoice(view(a.Value))
			if err != nil {
				r.warn("bundled/product/@type", err.Error())
				continue
			}
			c.Choice = choice
		}
	}
	if !c.Quantity.Known() {
		c.Quantity = feed.Pieces(1)
	}
	for r.child() {
		if string(r.t.Name().Local) != "sizes" {
			r.unknown("bundled/product/")
			continue
		}
		for r.child() {
			if string(r.t.Name().Local) != "size" {
				r.unknown("bundled/product/sizes/")
				continue
			}
			var s feed.ComponentSize
			for i := range r.t.Attrs() {
				a := &r.t.Attrs()[i]
				switch string(a.Local) {
				case "id":
					r.setTrimmed(&s.ID, a)
				case "name":
					r.set(&s.Name, a)
				case "code":
					r.setTrimmed(&s.Code, a)
				case "code_producer":
					r.setTrimmed(&s.ProducerCode, a)
				case "code_external":
					r.setTrimmed(&s.ExternalCode, a)
				}
			}
			c.Sizes = append(c.Sizes, s)
			r.skip()
		}
	}
}

// responsible reads the responsible entity under the GPSR (IOF 8.3), its
// values as elements or as attributes.
func (r *Reader) responsible(p *feed.Product) {
	x := &feed.ResponsibleEntity{}
	for r.child() {
		switch string(r.t.Name().Local) {
		case "producer":
			r.contact(&x.Producer)
		case "persons":
			for r.child() {
				if string(r.t.Name().Local) == "person" {
					r.person(x)
				} else {
					r.unknown("persons/")
				}
			}
		case "person":
			r.person(x)
		default:
			r.unknown("responsible_entity/")
		}
	}
	p.Responsible = x
}

func (r *Reader) person(x *feed.ResponsibleEntity) {
	var c feed.Contact
	if r.contact(&c); c != (feed.Contact{}) {
		x.Persons = append(x.Persons, c)
	}
}

func (r *Reader) contact(c *feed.Contact) {
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		if dst := contactField(c, string(a.Local)); dst != nil {
			*dst = r.trimmed(a.Value)
		}
	}
	for r.child() {
		dst := contactField(c, string(r.t.Name().Local))
		if dst == nil {
			r.unknown("responsible_entity/producer/")
			continue
		}
		if s := r.text(); s != "" {
			*dst = s
		}
	}
}

func contactField(c *feed.Contact, local string) *string {
	switch local {
	case "id":
		return &c.ID
	case "code":
		return &c.Code
	case "name":
		return &c.Name
	case "country":
		return &c.Country
	case "street":
		return &c.Street
	case "number":
		return &c.Number
	case "city":
		return &c.City
	case "zipcode":
		return &c.Zipcode
	case "mail":
		return &c.Mail
	case "phone":
		return &c.Phone
	}
	return nil
}
