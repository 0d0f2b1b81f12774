package xmltok

// Limits bounds what a document may ask for. A zero field takes the default
// named beside it, a negative one lifts the limit.
type Limits struct {
	Depth    int   // open elements at once; 64
	Attrs    int   // attributes of one element, namespace declarations included; 100
	Token    int   // bytes of one tag, text, CDATA section, comment or instruction; 1 MiB
	Elements int64 // elements of the document; 20 million
	Bytes    int64 // bytes of the document; 16 GiB
	Subtree  int   // bytes of one captured subtree; 16 MiB
}

const unlimited = int(^uint(0) >> 1)

// withDefaults replaces every zero and negative field by the number it stands for.
func (l Limits) withDefaults() Limits {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		} else if *v < 0 {
			*v = unlimited
		}
	}
	set64 := func(v *int64, def int64) {
		if *v == 0 {
			*v = def
		} else if *v < 0 {
			*v = int64(^uint64(0) >> 1)
		}
	}
	set(&l.Depth, 64)
	set(&l.Attrs, 100)
	set(&l.Token, 1<<20)
	set64(&l.Elements, 20_000_000)
	set64(&l.Bytes, 16<<30)
	set(&l.Subtree, 16<<20)
	return l
}
