package sqlite

import (
	"encoding/json"
	"testing"

	"feedmill/storage/dbtest"
	"feedmill/storage/records"
)

// TestWording reads statements as package records has them.
func TestWording(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, want string }{
		{`SELECT a FROM b WHERE merchant_id = $1`, `SELECT a FROM b WHERE merchant_id = $1`},
		{`SELECT a FROM b FOR UPDATE`, `SELECT a FROM b`},
		{`SELECT a FROM b FOR SHARE`, `SELECT a FROM b`},
		{`SELECT a FROM b FOR KEY SHARE`, `SELECT a FROM b`},
		{`SELECT a FROM b AS f ORDER BY a FOR NO KEY UPDATE OF f SKIP LOCKED`, `SELECT a FROM b AS f ORDER BY a`},
		{`SELECT ' FOR UPDATE' FROM b`, `SELECT ' FOR UPDATE' FROM b`},
		{`DELETE FROM b WHERE a = ANY ($12) AND c = $1`, `DELETE FROM b WHERE a IN (SELECT value FROM json_each($12)) AND c = $1`},
		{`SELECT n.value FROM unnest($2::bigint[]) AS n (value)`, `SELECT n.value FROM (SELECT value AS value FROM json_each($2)) AS n`},
		{`SELECT 1 FROM unnest($1::text[]) AS l (value) CROSS JOIN unnest($2::bigint[]) AS p (value)`, `SELECT 1 FROM (SELECT value AS value FROM json_each($1)) AS l CROSS JOIN (SELECT value AS value FROM json_each($2)) AS p`},
		{`SELECT 1 FROM unnest($3::text[], $10::bigint[]) AS w (merchant_id, number) WHERE true`,
			`SELECT 1 FROM (SELECT value AS merchant_id, json_extract($10, '$[' || key || ']') AS number FROM json_each($3)) AS w WHERE true`},
	} {
		if got := wording(c.from); got != c.want {
			t.Errorf("%s: got %s, want %s", c.from, got, c.want)
		}
	}
}

// TestWordingsAreKept asks twice for each statement of package records.
func TestWordingsAreKept(t *testing.T) {
	t.Parallel()
	var w wordings
	for name, text := range dbtest.RecordStatements(t).Texts {
		for range 2 {
			if got, want := w.of(text), wording(text); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
}

// TestListsAreArrays makes arguments of lists, of none too.
func TestListsAreArrays(t *testing.T) {
	t.Parallel()
	var c records.Lister = conn{}
	for want, values := range map[string]any{`["a","b\"c"]`: []string{"a", `b"c`}, `[1,-9223372036854775808]`: []int64{1, -1 << 63}, `[]`: []string(nil)} {
		got, err := c.List(values).(list).Value()
		if err != nil || got != want || !json.Valid([]byte(want)) {
			t.Errorf("%v: got %v, %v, want %s", values, got, err, want)
		}
	}
}
