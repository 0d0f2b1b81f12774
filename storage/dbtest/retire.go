package dbtest

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// retire asks for the number of feeds that a sweep retires.
func (e *env) retire(t *testing.T, when string, m partner.MerchantID, want int64) {
	t.Helper()
	if n := must[int64](t, "retire")(e.RetireFeeds(e.ctx, m)); n != want {
		t.Errorf("%s: %d feeds are retired, want %d", when, n, want)
	}
}

// hasCurrent asks whether a feed has a current generation.
func (e *env) hasCurrent(t *testing.T, f publish.FeedRef) bool {
	t.Helper()
	_, found, err := e.Current(e.ctx, f)
	ok(t, "current", err)
	return found
}

// testRetireFeeds follows two feeds that their only offer leaves, until nothing
// is left of them but what later generations have to be above, and back again.
func testRetireFeeds(t *testing.T, e *env) {
	m, o := e.account(t)
	foreign, _ := e.account(t)
	eur := profileOf("EUR")
	old, now := []string{o.Profile.FullKey(), o.Profile.LightKey()}, []string{eur.FullKey(), eur.LightKey()}
	f1 := e.publish(t, m.ID, old[0], feed.KindFull, nil)
	f2 := e.next(t, m.ID, old[0], feed.KindFull, &f1)
	f2.Layers = []publish.Blob{blobOf("layer")}
	ok(t, "commit", e.commit(f2))
	light := e.publish(t, m.ID, old[1], feed.KindLight, nil)
	abroad := e.publish(t, foreign.ID, "nobody's", feed.KindFull, nil)
	e.clock.advance(100 * time.Hour)
	e.retire(t, "an offer shows them", m.ID, 0)
	moved := o
	moved.Profile = eur
	moved = must[partner.Offer](t, "move")(e.UpdateOffer(e.ctx, actor, moved))
	e.clock.advance(100 * time.Hour)
	e.retire(t, "the offer waits for what is not there yet", m.ID, 0)
	full := e.publish(t, m.ID, now[0], feed.KindFull, nil)
	newLight := e.publish(t, m.ID, now[1], feed.KindLight, nil)
	left := e.clock.Now()
	if got := e.shown(t, o); !slices.Equal(got, now) {
		t.Fatalf("the offer shows %v, want %v", got, now)
	}

	// As long as addresses are answered the feeds stay as they are.
	for _, step := range []struct {
		when        string
		advance     time.Duration
		want        int64
		full, light bool // are current
	}{
		{"the offer has just left", 0, 0, true, true},
		{"before the end of light", publish.LightRetention - time.Minute, 0, true, true},
		{"edges may be behind", time.Minute + partner.EdgeBehind/2, 0, true, true},
		{"light is over", partner.EdgeBehind, 1, true, false},
		{"light is retired", 0, 0, true, false},
		{"before the end of full", publish.FullRetention - publish.LightRetention - partner.EdgeBehind - time.Minute, 0, true, false},
		{"full is over", time.Minute + partner.EdgeBehind, 1, false, false},
		{"full is retired", 0, 0, false, false},
	} {
		e.clock.advance(step.advance)
		if step.full != e.served(t, o, f2.Files[0]) {
			t.Errorf("%s: full is served: %v", step.when, !step.full)
		}
		e.retire(t, step.when, m.ID, step.want)
		if got := e.hasCurrent(t, f2.Feed); got != step.full {
			t.Errorf("%s: full is current: %v", step.when, got)
		}
		if got := e.hasCurrent(t, light.Feed); got != step.light {
			t.Errorf("%s: light is current: %v", step.when, got)
		}
		if step.full != e.served(t, o, f2.Files[0]) {
			t.Errorf("%s: full is served after the sweep: %v", step.when, !step.full)
		}
	}
	if !e.hasCurrent(t, full.Feed) || !e.hasCurrent(t, newLight.Feed) || !e.hasCurrent(t, abroad.Feed) {
		t.Error("a feed that is used, or another merchant's, is retired")
	}

	// Everything goes in the ordinary way, and what is used stays.
	kept := func() (list []publish.Generation) {
		t.Helper()
		ok(t, "list generations", e.DB.(Retained).EachRetained(e.ctx, m.ID, func(g publish.Generation, retired time.Time, current bool) error {
			if isOld := slices.Contains(old, g.Feed.Key); isOld != !retired.IsZero() || isOld == current {
				t.Errorf("generation %d is current %v and retired %v", g.Number, current, retired)
			} else if isOld && retired.After(left) {
				t.Errorf("generation %d is retired at %s, after the offer had left at %s", g.Number, retired, left)
			}
			list = append(list, g)
			return nil
		}))
		return list
	}
	if n := len(kept()); n != 5 {
		t.Errorf("%d generations are kept, want 5", n)
	}
	if n := must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000)); n != 11 {
		t.Errorf("%d blobs condemned, want the 11 of three generations", n)
	}
	e.clock.advance(25 * time.Hour)
	ok(t, "observe", e.ObserveCondemned(e.ctx, m.ID))
	for _, b := range must[[]publish.Blob](t, "deleting")(e.DeletingBlobs(e.ctx, m.ID, 24*time.Hour, 1000)) {
		ok(t, "forget", e.ForgetBlob(e.ctx, m.ID, b.Key))
	}
	if n := must[int64](t, "prune")(e.PruneHistory(e.ctx, m.ID)); n != 3 {
		t.Errorf("%d generations forgotten, want 3", n)
	}
	if list := kept(); len(list) != 2 {
		t.Errorf("%+v is kept, want the two that are shown", list)
	}
	if n := must[int64](t, "count")(e.CountBlobs(e.ctx, m.ID)); n != 6 {
		t.Errorf("%d blobs are left, want 6", n)
	}

	// And back: the offer waits for a run, whose labels and epoch go on.
	epoch, after, err := e.Floor(e.ctx, f2.Feed)
	if err != nil || epoch != f2.Epoch+1 || !after.Equal(f2.Time) {
		t.Errorf("floor: epoch %d after %s, %v, want %d after %s", epoch, after, err, f2.Epoch+1, f2.Time)
	}
	if epoch, after, err := e.Floor(e.ctx, publish.FeedRef{Merchant: string(m.ID), Kind: feed.KindFull, Key: "never"}); epoch != 0 || !after.IsZero() || err != nil {
		t.Errorf("floor of a feed that never was: epoch %d after %s, %v", epoch, after, err)
	}
	moved.Profile = o.Profile
	must[partner.Offer](t, "back")(e.UpdateOffer(e.ctx, actor, moved))
	e.retire(t, "the offer waits for the retired feed", m.ID, 0)
	// That a run looked at what is gone brings nothing back.
	ok(t, "look", e.look(t, m.ID, publish.Cursor{Event: 99}, f2.Feed, light.Feed))
	if got := e.shown(t, o); !slices.Equal(got, now) {
		t.Errorf("before the first run the offer shows %v, want %v", got, now)
	}
	anew := e.next(t, m.ID, old[0], feed.KindFull, nil)
	wantKind(t, "in the epoch before", e.commit(anew), feed.KindInvalid)
	anew.Epoch, anew.Time = epoch, f2.Time
	wantKind(t, "with the label of before", e.commit(anew), feed.KindInvalid)
	stale := e.numbered(anew.Number, m.ID, old[0], feed.KindFull, &f2)
	if err := e.commit(stale); err == nil {
		t.Error("a run goes on from a generation that was retired meanwhile")
	}
	anew.Time = feed.NextTime(after, e.clock.Now())
	ok(t, "commit", e.commit(anew))
	if got := e.current(t, anew.Feed); !reflect.DeepEqual(got, anew) {
		t.Errorf("got %+v, want %+v", got, anew)
	}
	again := e.next(t, m.ID, old[1], feed.KindLight, nil)
	again.Epoch = 1
	ok(t, "commit", e.commit(again))
	if got := e.shown(t, o); !slices.Equal(got, old) || !e.served(t, o, anew.Files[0]) || !e.served(t, o, full.Files[0]) {
		t.Errorf("after the first run the offer shows %v, want %v, and what it showed until now served", got, old)
	}
}

// testRetireHeld retires feeds whose users are gone, with what is held of them;
// feeds of those who are blocked or share them stay.
func testRetireHeld(t *testing.T, e *env) {
	m, o := e.account(t)
	same := e.offer(t, m.ID, e.partner(t, m.ID).ID, o.Shop, o.Profile)
	full := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	e.hold(t, m.ID, o.Profile.FullKey(), feed.KindFull, &full)
	ok(t, "delete", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 1))
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, m.ID, same.Partner))
	p.State = partner.StateBlocked
	must[partner.Partner](t, "block")(e.UpdatePartner(e.ctx, actor, p))
	e.clock.advance(100 * time.Hour)
	e.retire(t, "a blocked partner has an offer that uses them", m.ID, 0)
	ok(t, "delete", e.DeleteOffer(e.ctx, actor, m.ID, same.ID, 1))
	e.retire(t, "their last offer is gone", m.ID, 2)
	if list := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID)); len(list) != 0 {
		t.Errorf("%+v is held of a feed that nobody uses", list)
	}
	// Nobody knows what was handed out last: its time begins now.
	if n := must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000)); n != 5 {
		t.Errorf("%d blobs condemned at once, want the 5 that were held alone", n)
	}
	e.clock.advance(publish.FullRetention + 2*partner.EdgeBehind)
	if n := must[int64](t, "condemn")(e.CondemnBlobs(e.ctx, m.ID, 1000)); n != 6 {
		t.Errorf("%d blobs condemned in the end, want 6", n)
	}
}
