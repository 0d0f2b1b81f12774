package grammar

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a regular expression of XML Schema as a deterministic automaton
// over characters. It always matches whole values.
type pattern struct {
	source  string
	ascii   [utf8.RuneSelf]uint16 // class of an ASCII character
	bounds  []rune                // first characters of the classes, ascending
	classes int
	next    []int16 // [state*classes+class], -1 for none
	accept  []bool
}

const maxPatternStates = 1000

// compilePattern compiles the value of a pattern facet.
func compilePattern(source string) (*pattern, error) {
	translated, err := translate(source)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	tree, err := syntax.Parse("(?:"+translated+")", syntax.UnicodeGroups|syntax.PerlX|syntax.DotNL|syntax.ClassNL)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", source, err)
	}
	return determinise(source, prog)
}

// match reports whether the whole value matches. Bytes that are not UTF-8
// never do.
func (p *pattern) match(v []byte) bool {
	state := 0
	for i := 0; i < len(v); {
		var class int
		if c := v[i]; c < utf8.RuneSelf {
			class = int(p.ascii[c])
			i++
		} else {
			r, n := utf8.DecodeRune(v[i:])
			if r == utf8.RuneError && n <= 1 {
				return false
			}
			class = p.class(r)
			i += n
		}
		to := p.next[state*p.classes+class]
		if to < 0 {
			return false
		}
		state = int(to)
	}
	return p.accept[state]
}

// class finds the class of a character: all characters of a class behave alike.
func (p *pattern) class(r rune) int {
	i, found := slices.BinarySearch(p.bounds, r)
	if !found {
		i--
	}
	return i
}

// determinise turns a compiled program into an automaton by the subset
// construction.
func determinise(source string, prog *syntax.Prog) (*pattern, error) {
	p := &pattern{source: source, bounds: []rune{0}}
	for i := range prog.Inst {
		in := &prog.Inst[i]
		switch in.Op {
		case syntax.InstRune, syntax.InstRune1:
			if len(in.Rune) == 1 {
				p.bounds = append(p.bounds, in.Rune[0], in.Rune[0]+1)
			}
			for j := 0; j+1 < len(in.Rune); j += 2 {
				p.bounds = append(p.bounds, in.Rune[j], in.Rune[j+1]+1)
			}
		case syntax.InstRuneAnyNotNL, syntax.InstEmptyWidth:
			return nil, fmt.Errorf("pattern %q: uses an assertion", source)
		}
	}
	slices.Sort(p.bounds)
	p.bounds = slices.Compact(p.bounds)
	p.classes = len(p.bounds)
	for c := range p.ascii {
		p.ascii[c] = uint16(p.class(rune(c)))
	}
	index := map[string]int16{}
	var sets [][]uint32
	state := func(pcs []uint32) int16 {
		set := closure(prog, pcs)
		key := fmt.Sprint(set)
		if i, ok := index[key]; ok {
			return i
		}
		i := int16(len(sets))
		index[key] = i
		sets = append(sets, set)
		return i
	}
	state([]uint32{uint32(prog.Start)})
	for at := 0; at < len(sets); at++ {
		if len(sets) > maxPatternStates {
			return nil, fmt.Errorf("pattern %q: too complex", source)
		}
		accept := false
		for _, pc := range sets[at] {
			accept = accept || prog.Inst[pc].Op == syntax.InstMatch
		}
		p.accept = append(p.accept, accept)
		for _, first := range p.bounds {
			var to []uint32
			for _, pc := range sets[at] {
				in := &prog.Inst[pc]
				if (in.Op == syntax.InstRune || in.Op == syntax.InstRune1 || in.Op == syntax.InstRuneAny) && in.MatchRune(first) {
					to = append(to, in.Out)
				}
			}
			if len(to) == 0 {
				p.next = append(p.next, -1)
			} else {
				p.next = append(p.next, state(to))
			}
		}
	}
	return p, nil
}

// closure follows everything that needs no character.
func closure(prog *syntax.Prog, pcs []uint32) []uint32 {
	seen := map[uint32]bool{}
	var set []uint32
	for len(pcs) > 0 {
		pc := pcs[len(pcs)-1]
		pcs = pcs[:len(pcs)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch in := &prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			pcs = append(pcs, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			pcs = append(pcs, in.Out)
		case syntax.InstFail:
		default:
			set = append(set, pc)
		}
	}
	slices.Sort(set)
	return set
}

// Characters of names, for the escapes \i and \c (XML 1.0, fifth edition).
const (
	nameStartClass = `:A-Z_a-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}` +
		`\x{2070}-\x{218F}\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}`
	nameClass = nameStartClass + `\-.0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}`
)

// escapes are the multi-character escapes, as the inside of a class.
var escapes = map[byte]string{
	's': ` \t\n\r`, 'd': `\p{Nd}`, 'i': nameStartClass, 'c': nameClass,
	'n': `\n`, 'r': `\r`, 't': `\t`,
}

// translate rewrites a regular expression of XML Schema (part 2, appendix F)
// in the syntax of package regexp/syntax.
func translate(s string) (string, error) {
	var out strings.Builder
	quantified := true // nothing to repeat yet
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '*', '+', '?', '{':
			if quantified {
				return "", errors.New("a quantifier needs something to repeat")
			}
			quantified = true
			if c == '{' {
				end := strings.IndexByte(s[i:], '}')
				if end < 0 {
					return "", errors.New("'{' is not closed")
				}
				if strings.Trim(s[i+1:i+end], "0123456789,") != "" || end == 1 || s[i+1] == ',' {
					return "", fmt.Errorf("malformed count %q", s[i:i+end+1])
				}
				out.WriteString(s[i : i+end+1])
				i += end
				continue
			}
			out.WriteByte(c)
			continue
		case '|', '(':
			quantified = true
			out.WriteByte(c)
			continue
		case '}', ']':
			return "", fmt.Errorf("unexpected %q", c)
		case '^', '$':
			out.WriteString(`\` + string(c)) // ordinary characters in XML Schema
		case '.':
			out.WriteString(`[^\n\r]`)
		case '\\':
			n, class, err := escape(s[i:], false)
			if err != nil {
				return "", err
			}
			out.WriteString(class)
			i += n - 1
		case '[':
			n, err := translateClass(&out, s[i:])
			if err != nil {
				return "", err
			}
			i += n - 1
		default:
			out.WriteByte(c)
		}
		quantified = false
	}
	return out.String(), nil
}

// escape translates the escape that s begins with and returns its length.
func escape(s string, inClass bool) (int, string, error) {
	if len(s) < 2 {
		return 0, "", errors.New("a backslash at the end")
	}
	c := s[1]
	switch c {
	case 'n', 'r', 't':
		return 2, escapes[c], nil
	case 's', 'd', 'i', 'c':
		if inClass {
			return 2, escapes[c], nil
		}
		return 2, "[" + escapes[c] + "]", nil
	case 'S', 'D', 'I', 'C', 'w', 'W':
		if inClass {
			return 0, "", fmt.Errorf(`\%c inside a class is not supported`, c)
		}
		switch c {
		case 'w':
			return 2, `[^\p{P}\p{Z}\p{C}]`, nil
		case 'W':
			return 2, `[\p{P}\p{Z}\p{C}]`, nil
		}
		return 2, "[^" + escapes[c+'a'-'A'] + "]", nil
	case 'p', 'P':
		end := strings.IndexByte(s, '}')
		if end < 0 || s[2] != '{' || strings.HasPrefix(s[3:], "Is") {
			return 0, "", fmt.Errorf("escape %.12q is not supported", s)
		}
		return end + 1, s[:end+1], nil
	case '\\', '|', '.', '-', '^', '?', '*', '+', '{', '}', '(', ')', '[', ']':
		return 2, s[:2], nil
	}
	return 0, "", fmt.Errorf(`escape \%c is not known`, c)
}

// translateClass translates the character class that s begins with and
// returns its length.
func translateClass(out *strings.Builder, s string) (int, error) {
	out.WriteByte('[')
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		out.WriteByte('^')
		i++
	}
	for first := i; i < len(s); i++ {
		switch c := s[i]; c {
		case ']':
			if i == first {
				return 0, errors.New("an empty class")
			}
			out.WriteByte(']')
			return i + 1, nil
		case '[':
			if s[i-1] == '-' {
				return 0, errors.New("class subtraction is not supported")
			}
			return 0, errors.New("'[' inside a class must be escaped")
		case '\\':
			n, class, err := escape(s[i:], true)
			if err != nil {
				return 0, err
			}
			out.WriteString(class)
			i += n - 1
		case '^':
			out.WriteString(`\^`)
		case '-':
			// At either end a hyphen stands for itself; otherwise it makes a range.
			if i == first || i+1 < len(s) && s[i+1] == ']' {
				out.WriteByte('\\')
			}
			out.WriteByte('-')
		default:
			out.WriteByte(c)
		}
	}
	return 0, errors.New("'[' is not closed")
}
