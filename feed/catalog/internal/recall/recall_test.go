package recall

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func ExampleTable_Known() {
	var t Table
	red := `{"id":"5001","name":"red"}`
	at := t.Keep(Hash([]byte(red)), red)
	found, size := t.Known([]byte(red + `,{"id":"5002","name":"blue"}]`))
	fmt.Println(found == at, size)
	// Output: true 26
}

func ExampleGroups() {
	keep := func(t *Table, text string) int { return t.Keep(Hash([]byte(text)), text) }
	var heads, members Table
	colour := keep(&heads, `{"id":"301","name":"colour","values":`)
	red, blue := keep(&members, `{"id":"5001","name":"red"}`), keep(&members, `{"id":"5002","name":"blue"}`)
	rest := `{"id":"301","name":"colour","values":[{"id":"5002","name":"blue"},{"id":"5001","name":"red"}]}] and more`
	var places [8]uint16
	n, end := Groups([]byte(rest+strings.Repeat(" ", 64)), &heads, &members, places[:])
	fmt.Println(slices.Equal(places[:n], []uint16{uint16(colour) | Head, uint16(blue), uint16(red)}), rest[end:])
	// Output: true ] and more
}

// Two texts that belong to one place are found both, whichever came first.
func TestPairs(t *testing.T) {
	t.Parallel()
	var table Table
	text := func(i int) []byte { return fmt.Appendf(nil, `{"id":"%d","name":"nazwa wartości"}`, i) }
	first := map[int]int{}
	pairs := 0
	for i := 1000; pairs < 20; i++ {
		pair := pairOf(Hash(text(i)))
		before, ok := first[pair]
		if !ok {
			first[pair] = i
			continue
		}
		if before < 0 {
			continue // two of it were tried
		}
		first[pair] = -1
		pairs++
		places := map[int]int{}
		for _, k := range []int{before, i} {
			places[k] = table.Keep(Hash(text(k)), string(text(k)))
		}
		for _, want := range []int{before, i, before} {
			if at, size := table.Known(text(want)); at != places[want] || size != len(text(want)) {
				t.Fatalf("of %d and %d, which have one place, %d is not found", before, i, want)
			}
		}
	}
}

// A text is found where it stands whole, whatever its length and whatever stands
// behind it in memory, and nowhere else.
func TestWholeTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		text := []byte(`{"id":"` + rapid.StringMatching(`[a-z]{16,200}`).Draw(t, "text") + `"}`)
		want := table.Keep(Hash(text), string(text))
		line := append(slices.Clone(text), rapid.StringMatching(`[a-z,]{0,80}`).Draw(t, "behind")...)
		if rapid.Bool().Draw(t, "nothing behind") {
			line = slices.Clip(line)
		}
		if at, size := table.Known(line); at != want || size != len(text) {
			t.Fatalf("%q is not found in %q", text, line)
		}
		n := rapid.IntRange(0, len(text)-1).Draw(t, "cut")
		if at, _ := table.Known(line[:n]); at != Nowhere {
			t.Fatalf("%q is found in %q", text, line[:n])
		}
		line[n] ^= 1
		if at, _ := table.Known(line); at != Nowhere {
			t.Fatalf("%q is found in %q", text, line)
		}
	})
}

// The texts of the groups below: short ones, such as fill a chunk, and long ones.
var (
	headTexts   = []string{`{"id":"301","name":"colour","values":`, `{"id":"302","n":1,"values":`, `{"id":"303","name":"` + strings.Repeat("long ", 30) + `","values":`}
	memberTexts = []string{`{"id":"5001","name":"red"}`, `{"id":"5","n":""}`, `{"id":"5002","name":"` + strings.Repeat("b", 41) + `"}`,
		`{"id":"5003","name":"` + strings.Repeat("c", 42) + `"}`, `{"id":"5004","name":"` + strings.Repeat("d", 75) + `"}`, `{"id":"5005","name":"` + strings.Repeat("e", 76) + `"}`}
)

// tables gives those that know the texts where they stand in a line, as what is
// short is found by what stands behind it too.
func tables(line []byte) (heads, members *Table) {
	heads, members = new(Table), new(Table)
	for list, t := range map[*[]string]*Table{&headTexts: heads, &memberTexts: members} {
		for _, text := range *list {
			for at := 0; ; {
				i := bytes.Index(line[at:], []byte(text))
				if i < 0 || len(line)-at-i < Least {
					break
				}
				t.Keep(Hash(line[at+i:]), text)
				at += i + 1
			}
		}
	}
	return heads, members
}

// sameGroups looks for groups in both ways.
func sameGroups(t testing.TB, rest []byte, heads, members *Table, room int) (n int) {
	t.Helper()
	got, want := make([]uint16, room), make([]uint16, room)
	n, end := Groups(rest, heads, members, got)
	wantN, wantEnd := plainGroups(rest, heads, members, want)
	if n != wantN || end != wantEnd || !slices.Equal(got[:n], want[:n]) {
		t.Fatalf("%q with room for %d: got %v up to %d, want %v up to %d", rest, room, got[:n], end, want[:wantN], wantEnd)
	}
	return n
}

// What wide registers find is what is found without, whatever stands there.
func FuzzGroups(f *testing.F) {
	head, member := headTexts, memberTexts
	for _, line := range []string{
		head[0] + "[" + member[0] + "]}", head[0] + "[" + member[0] + "," + member[1] + "]}," + head[1] + "[" + member[2] + "," + member[3] + "," + member[4] + "]}",
		head[2] + "[" + member[5] + "]}," + head[2] + "[" + member[5] + "," + member[4] + "]}]}", head[0] + "[]}", head[0] + "[" + member[0] + "],", head[0] + "[" + member[0] + "},",
		head[0] + "[" + member[0] + ",]}", head[1] + member[0], "", "{", member[0] + "," + member[0], head[0] + "[" + member[1] + "]},,", head[0] + "[" + member[2] + "]}," + member[2],
	} {
		f.Add([]byte(line), []byte(line), 0, byte(' '))
		f.Add([]byte(line), []byte(line+line), 1, byte(' '))
	}
	f.Fuzz(func(t *testing.T, known, rest []byte, change int, to byte) {
		heads, members := tables(append(known, strings.Repeat(" ", Least)...))
		rest = slices.Clip(rest)
		sameGroups(t, rest, heads, members, 100)
		// The same before more memory, and with one byte changed.
		rest = append(rest, bytes.Repeat([]byte{to}, 64)...)
		for _, line := range [][]byte{rest, rest[:len(rest)-64], rest[:len(rest)-20]} {
			for _, room := range []int{100, 3, 2, 1, 0} {
				sameGroups(t, line, heads, members, room)
			}
		}
		rest[uint(change)%uint(len(rest))] = to
		sameGroups(t, rest, heads, members, 100)
	})
}

// Groups are read wherever they begin in memory and wherever they end, and all of
// them are found.
func TestGroupsAtAllPlaces(t *testing.T) {
	t.Parallel()
	line := []byte(headTexts[0] + "[" + strings.Join(memberTexts, ",") + "]}," + headTexts[2] + "[" + memberTexts[4] + "]}," + headTexts[1] + "[" + memberTexts[1] + "]}]}")
	heads, members := tables(append(slices.Clone(line), strings.Repeat(" ", Least)...))
	for gap := range 40 {
		memory := bytes.Repeat([]byte{' '}, gap+len(line)+64)
		rest := memory[gap:]
		copy(rest, line)
		for end := range line {
			sameGroups(t, rest[:end], heads, members, 100)
			sameGroups(t, rest[:end:end], heads, members, 100)
		}
		if n := sameGroups(t, rest, heads, members, 100); n != len(memberTexts)+5 {
			t.Fatalf("from %d on: got %d texts, want %d", gap, n, len(memberTexts)+5)
		}
	}
	// Each byte counts.
	for i := range line {
		rest := append(slices.Clone(line), strings.Repeat(" ", 64)...)
		rest[i] ^= 4
		sameGroups(t, rest, heads, members, 100)
	}
}

func TestAllocations(t *testing.T) {
	line := []byte(headTexts[0] + "[" + strings.Join(memberTexts, ",") + "]}" + strings.Repeat(" ", 64))
	heads, members := tables(line)
	places := make([]uint16, 20)
	if n := testing.AllocsPerRun(100, func() { Groups(line, heads, members, places) }); n != 0 {
		t.Errorf("allocations: got %v, want 0", n)
	}
}
