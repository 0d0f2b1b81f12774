package feed_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"feedmill/feed"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"Granit Outdoor", "Granit", "Żółw", "outlet", "Turystyka/Plecaki", "PL-100", "PL-1000"}
	for _, c := range []struct{ name, want string }{
		{"Granit Outdor", "Granit Outdoor"}, {"granit outdoor", "Granit Outdoor"}, {" Granit  ", "Granit"}, {"Grnait", "Granit"}, {"zólw", "Żółw"}, {"Żołw", "Żółw"},
		{"Turystyka/Plecki", "Turystyka/Plecaki"}, {"oulet", "outlet"}, {"PL1000", "PL-1000"}, {"xyz", ""}, {"7", ""}, {"", ""}, {"Granit Hotel", ""},
		{"outlet", ""}, // what is written right was not meant otherwise
	} {
		if got := feed.Nearest(c.name, slices.Values(names)); got != c.want {
			t.Errorf("near %q: got %q, want %q", c.name, got, c.want)
		}
	}
}

// One mistake in a name of three letters or more is found, whatever stands
// beside it that is farther away.
func TestNearestFindsOneMistake(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := []rune(rapid.StringMatching(`[a-zżółć0-9/-]{4,30}`).Draw(t, "name"))
		i := rapid.IntRange(0, len(name)-2).Draw(t, "at")
		wrong := slices.Clone(name)
		switch rapid.IntRange(0, 3).Draw(t, "mistake") {
		case 0:
			wrong = slices.Delete(wrong, i, i+1)
		case 1:
			wrong = slices.Insert(wrong, i, 'x')
		case 2:
			wrong[i] = 'x'
		case 3:
			wrong[i], wrong[i+1] = wrong[i+1], wrong[i]
		}
		if string(wrong) == string(name) {
			return
		}
		if got := feed.Nearest(string(wrong), slices.Values([]string{"ABSOLUTELY/ELSE WHERE IT IS QUITE", string(name)})); got != string(name) {
			t.Fatalf("near %q: got %q, want %q", string(wrong), got, string(name))
		}
	})
}

func ExampleNearest() {
	fmt.Println(feed.Nearest("Granit Outdor", slices.Values([]string{"Bergsport", "Granit Outdoor"})))
	// Output: Granit Outdoor
}
