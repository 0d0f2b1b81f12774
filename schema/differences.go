package schema

// Difference is a deliberate disagreement between our schemas and the
// published ones.
type Difference struct {
	Kinds    []Kind // nil for all
	Element  string // "unit", "iaiext:*", "/" for the root, or "*"
	Attr     string // "name", "iaiext:*", or "" when content is meant
	Stricter bool   // ours refuse what the published ones accept; otherwise the reverse
	What     string // what is judged differently
	Why      string
}

// Differences lists every deliberate disagreement. Whatever is not listed here
// is judged alike.
func Differences() []Difference {
	offers := []Kind{Full, FullChange}
	return []Difference{
		{nil, "/", "", true,
			"only the root of its kind may be the root of a file",
			"the published schemas declare inner elements globally, so that a lone <producer id=\"1\" name=\"x\"/> passes as a full"},
		{offers, "unit", "name", false,
			"the name of a unit may be any text",
			"the published type is a name of XML, which forbids blanks and leading digits: \"m 2\", \"2 pcs\". Real names have both"},
		{offers, "*", "iaiext:*", false,
			"iaiext attributes are accepted on every element below products",
			"real feeds carry more of them, in more places, than the published schema lists"},
		{offers, "iaiext:*", "", false,
			"product, description, price and the normal prices accept every iaiext element",
			"newer blocks (product safety, lowest prices, menus) are in real feeds and in no published schema"},
		{offers, "normal_*", "", false,
			"white space is accepted in an empty normal price",
			"follows from the slot for iaiext elements, which real feeds fill there"},
		{offers, "iaiext:*", "", true,
			"known iaiext elements must hold what they are known to hold",
			"no schema of the extensions is public, so a checker of the published schemas can only let them pass"},
		{offers, "iaiext:*", "*", true,
			"known attributes of known iaiext elements are required and typed",
			"no schema of the extensions is public, so a checker of the published schemas can only let them pass"},
		{[]Kind{Full, FullChange, Light}, "*", "iaiext:*", true,
			"iaiext weights are numbers and iaiext:url_mobile is a URL",
			"they mean the same as the core attributes beside them, whose types are published"},
		{[]Kind{Full, FullChange, Light}, "*", "quantity", true,
			"-100 and -1e0 are not quantities",
			"an unescaped full stop in the published pattern lets them through; only -1 is meant, for unlimited"},
	}
}
