package admin

import (
	"slices"

	"feedmill/internal/partner"
)

// askedLine is a partner whose people wait for an answer.
type askedLine struct {
	ID   partner.ID
	Name string
}

// askedOf lists the partners who have asked for something, in the order of their names.
func askedOf(list []partner.Partner) (asked []askedLine) {
	for i := range list {
		if p := &list[i]; slices.Contains(p.Tags, askTag) {
			asked = append(asked, askedLine{p.ID, p.Name})
		}
	}
	return asked
}

// answerPartner takes the tag of a request away, so that the next one is taken.
func answerPartner(c *call, f *form) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	p.Version = f.version()
	p.Tags = slices.DeleteFunc(slices.Clone(p.Tags), func(t string) bool { return t == askTag })
	if _, err := c.panel.opt.Manage.UpdatePartner(c.ctx, c.who, p); err != nil {
		return reply{}, err
	}
	return move("/partners/" + string(p.ID)).saying("partner.answered"), nil
}
