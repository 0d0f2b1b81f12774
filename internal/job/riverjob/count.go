package riverjob

import (
	"context"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/job"
)

// Rows of other kinds than ours have no envelope.
const sqlCounts = `SELECT kind, state, count(*) FROM (SELECT kind, ` + sqlStateOf + ` AS state FROM river_job WHERE args ? 'body') AS job
	GROUP BY kind, state ORDER BY kind, state`

// Counts gives the number of jobs by kind and state, of those that [Client.List] knows.
func (c *Client) Counts(ctx context.Context) ([]job.Count, error) {
	rows, err := c.pool.Query(ctx, sqlCounts)
	if err != nil {
		return nil, fault("count jobs", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n job.Count, err error) {
		err = row.Scan(&n.Kind, &n.State, &n.Jobs)
		return n, err
	})
	return list, fault("count jobs", err)
}
