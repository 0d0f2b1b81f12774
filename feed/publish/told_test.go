package publish_test

import (
	"fmt"
	"maps"
	"regexp"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

var (
	pointerOf   = regexp.MustCompile(`url="([^"]*)" hash="[^"]*" changed="([^"]*)"`)
	generatedOf = regexp.MustCompile(` generated="([^"]*)"`)
)

// literal is an importer that believes texts: it takes the full file once, then
// the change files that say more than the last one it took, and light when that
// does.
type literal struct {
	generated, label, light string
	full                    map[string]string
	lights                  map[string]string
}

// look reads the gateway as of now. Files stand in it with what they tell
// themselves, and say the same whenever they are looked at.
func (l *literal) look(t *testing.T, s *shop, seen map[string]string) {
	t.Helper()
	full, light := s.generation(feed.KindFull), s.generation(feed.KindLight)
	byAddress := map[string]*publish.File{}
	gateway := string(publish.AppendGateway(nil, publish.Gateway{Full: &full, Light: &light, Zone: s.settings.Zone,
		URL: func(f *publish.File) string { byAddress[f.Address()] = f; return f.Address() }}))
	generated := generatedOf.FindStringSubmatch(gateway)[1]
	if generated < l.generated {
		t.Errorf("the gateway is of %s after %s", generated, l.generated)
	}
	l.generated = generated
	var changes []string
	last := l.label
	for _, m := range pointerOf.FindAllStringSubmatch(gateway, -1) {
		address, changed := m[1], m[2]
		f := byAddress[address]
		if before, ok := seen[address]; ok && before != changed {
			t.Errorf("%s changed at %s, and later at %s", address, before, changed)
		}
		seen[address] = changed
		if own := generatedOf.FindStringSubmatch(s.bytes(f)); own != nil && own[1] != changed || changed > generated {
			t.Errorf("%s of %v changed at %s in the gateway of %s", address, own, changed, generated)
		}
		switch f.Kind {
		case feed.KindFull:
			if l.full == nil {
				l.full, _ = nodes(s.bytes(f))
				last = max(last, changed)
			}
		case feed.KindFullChange:
			if label := feed.Label(mustTime(t, changed)); label != f.Label {
				t.Errorf("%s changed at %s", f.Label, changed)
			}
			if changed > l.label {
				changes = append([]string{s.bytes(f)}, changes...)
				last = max(last, changed)
			}
		case feed.KindLight:
			if changed > l.light {
				l.light = changed
				l.lights, _ = nodes(s.bytes(f))
			}
		}
	}
	l.full, l.label = apply(l.full, changes), last
}

func mustTime(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := feed.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A merchant who moves his zone sends no time back that his partners were told:
// an importer that compares texts misses nothing, and files, labels and gateway
// agree.
func TestLiteralImporterOverZones(t *testing.T) {
	t.Parallel()
	s := filled(t, 30)
	s.settings.FullShare = 1000
	s.settings.Zone = time.FixedZone("", 3600)
	s.mustRun(t)
	l, seen := &literal{}, map[string]string{}
	l.look(t, s, seen)
	for i, hours := range []int{1, 2, 2, 1, 1, -11, 14, 14, 0, 0} {
		s.now = s.now.Add(10 * time.Minute)
		s.settings.Zone = time.FixedZone("", hours*3600)
		l.look(t, s, seen) // before any run has seen it
		s.set(3, int64(2000+i), int64(i+1), "y")
		if i%3 == 2 {
			s.producers = append(s.producers, feed.Ref{ID: fmt.Sprint(i), Name: "Producent"})
			s.events = append(s.events, 0)
		}
		s.mustRun(t)
		l.look(t, s, seen)
		full, light := s.generation(feed.KindFull), s.generation(feed.KindLight)
		want, _ := nodes(s.bytes(full.File(feed.KindFull)))
		for j := len(full.Files) - 1; j >= 0; j-- {
			if f := &full.Files[j]; f.Kind == feed.KindFullChange {
				want = apply(want, []string{s.bytes(f)})
			}
		}
		lights, _ := nodes(s.bytes(light.File(feed.KindLight)))
		if !maps.Equal(l.full, want) || !maps.Equal(l.lights, lights) {
			t.Errorf("%+d hours: the importer has missed something", hours)
		}
	}
	// Once the time that was told before has come everywhere, the clock is right again.
	s.now = s.now.Add(30 * time.Hour)
	s.set(3, 9999, 1, "y")
	s.mustRun(t)
	l.look(t, s, seen)
	if g := s.generation(feed.KindFull); !g.Time.Equal(s.now) {
		t.Errorf("the generation is of %v at %v", g.Time, s.now)
	}
}

// A zone that moves to and fro takes the time ahead once, by the difference.
func TestZoneToAndFro(t *testing.T) {
	t.Parallel()
	s := filled(t, 30)
	s.settings.FullShare = 1000
	s.settings.Zone = time.FixedZone("", 3600)
	s.mustRun(t)
	l, seen := &literal{}, map[string]string{}
	l.look(t, s, seen)
	for i := range 12 {
		hours := []int{-6, 1}[i%2]
		s.now = s.now.Add(10 * time.Minute)
		s.settings.Zone = time.FixedZone("", hours*3600)
		s.set(3, int64(2000+i), int64(i+1), "y")
		s.mustRun(t)
		l.look(t, s, seen)
		for _, kind := range []feed.Kind{feed.KindFull, feed.KindLight} {
			g := s.generation(kind)
			ahead, told := g.Time.Sub(s.now), g.Told.Sub(s.now)
			if ahead > 7*time.Hour+time.Minute || told > time.Hour+time.Minute {
				t.Errorf("move %d, to %+d hours: the %s generation is %s ahead of the clock and tells %s more than UTC", i+1, hours, kind, ahead, told)
			}
		}
	}
	// Once the clock has caught up, the zone of today is told.
	s.now = s.now.Add(8 * time.Hour)
	s.set(3, 9999, 1, "y")
	s.mustRun(t)
	l.look(t, s, seen)
	if g := s.generation(feed.KindLight); !g.Time.Equal(s.now) || g.Told.Sub(g.Time) != time.Hour {
		t.Errorf("the generation is of %v at %v and tells %v", g.Time, s.now, g.Told)
	}
}
