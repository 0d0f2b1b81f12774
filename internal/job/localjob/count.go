package localjob

import (
	"cmp"
	"context"
	"slices"

	"feedmill/internal/job"
)

// Counts gives the number of jobs by kind and state, of those that [Client.List] knows.
func (c *Client) Counts(ctx context.Context) (list []job.Count, err error) {
	return list, wrap("count jobs", c.ask(ctx, "count", struct{}{}, &list))
}

// counts gives the numbers in order of kind and state.
func (b *board) counts() []job.Count {
	sums := map[job.Count]int64{}
	for _, e := range b.live {
		sums[job.Count{Kind: e.Kind, State: e.State}]++
	}
	for i := range b.ended {
		sums[job.Count{Kind: b.ended[i].Kind, State: b.ended[i].State}]++
	}
	list := make([]job.Count, 0, len(sums))
	for c, n := range sums {
		c.Jobs = n
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y job.Count) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.State, y.State)) })
	return list
}
