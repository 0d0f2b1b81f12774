package work_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
)

// A round over the accounts writes down what a timed switch has done, and logs
// the head of the audit once a day.
func TestTendAccounts(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var log bytes.Buffer
	h.work = work.New(work.Options{Records: h.db, Accounts: h.db, Now: func() time.Time { return h.now }, PublishEvery: -1,
		Log: slog.New(slog.NewTextHandler(&log, nil))})
	var err error
	h.kinds, err = h.work.Kinds()
	check(t, err)
	_, err = h.db.SetOfferSchedule(t.Context(), owner, h.merchant, h.offer.ID, partner.Schedule{{At: h.now.Add(time.Hour)}}, h.offer.Version)
	check(t, err)
	h.pass(2 * time.Hour)
	for _, s := range []struct {
		name string
		head bool
	}{{"accounts", false}, {"audit_heads", true}} {
		due := h.due(s.name)
		if len(due) != 1 || due[0] != (work.Tend{Merchant: h.merchant, Head: s.head}) {
			t.Fatalf("%s: due is %+v", s.name, due)
		}
		check(t, h.do(due[0]))
	}
	o, err := h.db.Offer(t.Context(), h.merchant, h.offer.ID)
	check(t, err)
	if o.FeedEnabled || o.Schedule != nil {
		t.Errorf("the switch was not written down: %+v", o)
	}
	head, err := h.db.AuditHead(t.Context(), h.merchant)
	check(t, err)
	if text := log.String(); strings.Count(text, "head of the audit") != 1 || !strings.Contains(text, head.String()) || !strings.Contains(text, "switches=1") {
		t.Errorf("logged:\n%s", text)
	}
	a, err := h.kinds.Encode(work.Tend{Merchant: h.merchant, Head: true})
	check(t, err)
	b, err := h.kinds.Encode(work.Tend{Merchant: h.merchant})
	check(t, err)
	if joined := string(h.kinds.Join("tend", a, b)); !strings.Contains(joined, `"head":true`) {
		t.Errorf("joined to %s", joined)
	}
	if err := h.do(work.Tend{Merchant: partner.NewMerchantID()}); err != nil {
		t.Errorf("a merchant without anything: %v", err)
	}
}

// A clock that is wrong for a while uses up no point of a schedule, and makes
// nothing old.
func TestTendWithAWrongClock(t *testing.T) {
	t.Parallel()
	for name, jumps := range map[string]bool{"it jumps": true, "it is ahead of the records'": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			var ahead time.Duration
			h.work = work.New(work.Options{Records: h.db, Accounts: h.db, Garbage: h.db, History: h.db, Imports: h.db, Store: h.store, PublishEvery: -1,
				Now: func() time.Time { return h.now.Add(ahead) }, Elapsed: func() time.Duration { return h.elapsed }})
			var err error
			h.kinds, err = h.work.Kinds()
			check(t, err)
			o, err := h.db.SetOfferSchedule(t.Context(), owner, h.merchant, h.offer.ID, partner.Schedule{{At: h.now.AddDate(1, 0, 0)}}, h.offer.Version)
			check(t, err)
			if jumps {
				check(t, h.do(work.Tend{Merchant: h.merchant}))
				h.now = h.now.AddDate(10, 0, 0) // the records' too
			} else {
				ahead = 10 * 365 * 24 * time.Hour
			}
			for _, j := range []job.Args{work.Tend{Merchant: h.merchant, Head: true}, work.Sweep{Merchant: h.merchant}, work.Sweep{}} {
				if err := h.do(j); err == nil || !job.IsPermanent(err) || !strings.Contains(err.Error(), "clock") {
					t.Errorf("%+v: got %v", j, err)
				}
			}
			if jumps {
				h.now = h.now.AddDate(-10, 0, 0)
				h.pass(2 * time.Hour)
			} else {
				ahead = 0
			}
			check(t, h.do(work.Tend{Merchant: h.merchant}))
			got, err := h.db.Offer(t.Context(), h.merchant, h.offer.ID)
			check(t, err)
			if !got.FeedEnabled || len(got.Schedule) != 1 || got.Version != o.Version {
				t.Errorf("the switch was moved: %+v", got)
			}
		})
	}
}
