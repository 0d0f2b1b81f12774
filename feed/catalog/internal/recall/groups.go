package recall

import (
	"unsafe"

	"feedmill/feed/internal/scan"
)

// Head marks, among the places of [Groups], that of a text a group starts with.
const Head = 1 << 15

// behind is how many bytes must follow a text: those that end its group, and what
// tells whether there is another one.
const behind = len("]},")

// wideRegisters says that groupsAVX2 may be called.
var wideRegisters = scan.Wide()

// Groups reads groups as long as all of their texts are known: one of heads, a list
// of members in brackets, one at least, and the brace that ends what the head began.
// Commas stand between them, and nothing else. It writes the place of each text to
// places, those of heads with [Head], as long as there is room, and gives how many
// there are of whole groups, and where the last of these ends.
func Groups(rest []byte, heads, members *Table, places []uint16) (n, end int) {
	if !wideRegisters {
		return plainGroups(rest, heads, members, places)
	}
	last := min(len(rest)-Least, cap(rest)-wide)
	return groupsAVX2(unsafe.SliceData(rest), len(rest)-behind, last, heads, members, unsafe.SliceData(places), len(places))
}

func plainGroups(rest []byte, heads, members *Table, places []uint16) (n, end int) {
	t, i := heads, 0
	for k := 0; k < len(places) && cap(rest)-i >= wide; k++ {
		at, size := t.Known(rest[i:])
		if at == Nowhere || i+size > len(rest)-behind {
			break
		}
		places[k] = uint16(at)
		i += size
		switch {
		case t == heads:
			if places[k] |= Head; rest[i] != '[' {
				return n, end
			}
			t = members
		case rest[i] == ',':
		case rest[i] == ']' && rest[i+1] == '}':
			i += len("]}")
			if n, end = k+1, i; rest[i] != ',' {
				return n, end
			}
			t = heads
		default:
			return n, end
		}
		i++
	}
	return n, end
}
