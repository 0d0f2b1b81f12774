package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"feedmill/feed"
)

// asAsked turns what people try on any program into the command that answers it.
func asAsked(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	}
	return args
}

// misuse says in this program's words what is wrong with a command line: what
// was meant, most likely, and whose help tells more.
func misuse(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context == nil {
		return &usageError{&feed.Error{Kind: feed.KindInvalid, Message: err.Error(), Hint: "'feedmill --help' lists the commands"}}
	}
	at := parse.Context.Selected()
	if at == nil {
		at = parse.Context.Model.Node
	}
	m := mistake{at: at}
	message, meant := m.explain(errors.Unwrap(parse).Error())
	hint := fmt.Sprintf("'%s --help' tells how it is called", m.command(at))
	if at.Type == kong.ApplicationNode {
		hint = "'feedmill --help' lists the commands"
	}
	if meant != "" {
		hint = meant + " " + hint
	}
	return &usageError{&feed.Error{Kind: feed.KindInvalid, Message: message, Hint: hint}}
}

// misused is the error of flags and names that are right one by one and make no
// sense together.
func misused(message, hint string) error {
	return &usageError{&feed.Error{Kind: feed.KindInvalid, Message: message, Hint: hint}}
}

// mistake is one at a command, or at the program before any command.
type mistake struct{ at *kong.Node }

// Sentences of the parser.
var (
	saidFlag     = regexp.MustCompile(`^unknown flag (-\S+?)(?:, did you mean .*)?$`)
	saidArgument = regexp.MustCompile(`^unexpected argument (?s:(.*?))(?:, did you mean .*)?$`)
	saidMissing  = regexp.MustCompile(`^missing flags: (.+)$`)
	saidExpected = regexp.MustCompile(`^expected (?:one of )?"`)
	saidNoValue  = regexp.MustCompile(`^(--[\w.-]+): (?:missing value|expected .* got "EOL")`)
	saidFlagIs   = regexp.MustCompile(`^(--[\w.-]+): expected \S+ value but got "(.*?)" \((?:long|short) flag\)`)
	saidNumber   = regexp.MustCompile(`(?s)^(\S+): expected a valid \d+ bit u?int but got "(.*?)"(?: \(from envar (\w+)=.*\))?$`)
	saidDuration = regexp.MustCompile(`(?s)^(\S+): expected duration but got "(.*?)"(?:: .*?)?(?: \(from envar (\w+)=.*\))?$`)
)

// explain gives a sentence for one of the parser's, and what was meant, "" where
// nobody can tell.
func (m *mistake) explain(said string) (message, meant string) {
	command := m.command(m.at)
	if s := saidFlag.FindStringSubmatch(said); s != nil {
		return fmt.Sprintf("'%s' has no flag %s", command, s[1]), m.nearestFlag(s[1])
	}
	if s := saidArgument.FindStringSubmatch(said); s != nil {
		if len(children(m.at)) > 0 {
			return fmt.Sprintf("'%s' has no command %q", command, s[1]), m.nearestCommand(s[1])
		}
		if len(m.at.Positional) > 0 {
			meant = "a name that has blanks stands in quotation marks;"
		} else if flag := m.lacking(); flag != "" {
			meant = fmt.Sprintf("did you mean --%s=%s?", flag, s[1])
		}
		return fmt.Sprintf("'%s' does not know what to do with %q", command, s[1]), meant
	}
	if s := saidMissing.FindStringSubmatch(said); s != nil {
		return fmt.Sprintf("'%s' needs %s", command, strings.ReplaceAll(s[1], ", ", " and ")), ""
	}
	if saidExpected.MatchString(said) {
		if list := children(m.at); len(list) > 0 {
			return fmt.Sprintf("'%s' needs a command: %s", command, strings.Join(list, ", ")), ""
		}
		var missing []string
		for _, arg := range m.at.Positional {
			if arg.Required && !arg.Set {
				missing = append(missing, strings.Trim(arg.Summary(), "<>"))
			}
		}
		if len(missing) > 0 {
			return fmt.Sprintf("'%s' needs %s", command, strings.ToUpper(strings.Join(missing, " "))), ""
		}
	}
	if s := saidNoValue.FindStringSubmatch(said); s != nil {
		return s[1] + " needs a value", ""
	}
	if s := saidFlagIs.FindStringSubmatch(said); s != nil {
		return fmt.Sprintf("%s needs a value, and %s is a flag", s[1], s[2]), fmt.Sprintf("if that is the value, write %s=%s;", s[1], s[2])
	}
	if s := saidNumber.FindStringSubmatch(said); s != nil {
		return fmt.Sprintf("%s: %q is not a whole number", cmp.Or(s[3], s[1]), s[2]), ""
	}
	if s := saidDuration.FindStringSubmatch(said); s != nil {
		return fmt.Sprintf("%s: %q is not a duration such as 90s, 30m or 24h", cmp.Or(s[3], s[1]), s[2]), ""
	}
	return said, ""
}

// command is how the command is called.
func (*mistake) command(n *kong.Node) string {
	var words []string
	for ; n != nil; n = n.Parent {
		words = append(words, n.Name)
	}
	slices.Reverse(words)
	return strings.Join(words, " ")
}

// children lists the commands below one.
func children(n *kong.Node) (names []string) {
	for _, c := range n.Children {
		if c.Type == kong.CommandNode && !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// nearestFlag says which flag was meant: one of a like name, one that starts or
// ends with it, such as --server.listen for --listen, or one of the commands.
func (m *mistake) nearestFlag(flag string) string {
	name, long := strings.CutPrefix(flag, "--")
	if !long {
		return ""
	}
	var names []string
	for n := m.at; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			names = append(names, f.Name)
		}
	}
	if near := meantName(name, names); near != "" {
		return fmt.Sprintf("did you mean --%s?", near)
	}
	for _, n := range names {
		if strings.HasSuffix(n, "."+name) {
			return fmt.Sprintf("did you mean --%s?", n)
		}
	}
	if below(m.at, name) {
		return "it is a flag of commands, and stands behind them;"
	}
	return ""
}

// lacking gives the only flag that the command needs and was not given, "" for
// none or several.
func (m *mistake) lacking() (name string) {
	for _, f := range m.at.Flags {
		switch {
		case !f.Required || f.Set:
		case name != "":
			return ""
		default:
			name = f.Name
		}
	}
	return name
}

// below says whether a command below one has the flag.
func below(n *kong.Node, flag string) bool {
	return slices.ContainsFunc(n.Children, func(c *kong.Node) bool {
		return slices.ContainsFunc(c.Flags, func(f *kong.Flag) bool { return f.Name == flag }) || below(c, flag)
	})
}

// nearestCommand says which command was meant: one of this name below those that
// are here, else one here of a like name.
func (m *mistake) nearestCommand(name string) string {
	var list []string
	for _, c := range m.at.Children {
		if slices.Contains(children(c), name) {
			list = append(list, fmt.Sprintf("'%s %s'", m.command(c), name))
		}
	}
	switch len(list) {
	case 0:
		if near := meantName(name, children(m.at)); near != "" {
			return fmt.Sprintf("did you mean '%s %s'?", m.command(m.at), near)
		}
		return ""
	case 1:
		return "did you mean " + list[0] + "?"
	}
	return "did you mean one of " + strings.Join(list, ", ") + "?"
}

// meantName gives the only one of names that starts with name, without the s of
// a plural, else the one nearest to it, else the first one that has a letter more
// ([feed.Nearest] gives short names up); "" where none is like it.
func meantName(name string, names []string) string {
	var starts []string
	if stem := strings.TrimSuffix(name, "s"); len(stem) >= 2 {
		for _, n := range names {
			if strings.HasPrefix(n, stem) {
				starts = append(starts, n)
			}
		}
	}
	if len(starts) == 1 {
		return starts[0]
	}
	if near := feed.Nearest(name, slices.Values(names)); near != "" {
		return near
	}
	for _, n := range names {
		for i := range n {
			if len(name) >= 2 && n[:i]+n[i+1:] == name {
				return n
			}
		}
	}
	return ""
}
