package rules

import (
	"fmt"
	"strings"
)

// AppendMarkdown appends the documentation of all rules, which is what
// docs/rules.md holds.
func AppendMarkdown(dst []byte) []byte {
	all := All()
	counts := map[Level]int{}
	for _, r := range all {
		counts[r.Level]++
	}
	dst = fmt.Appendf(dst, `# Rules

What `+"`feedmill validate`"+` looks for, %d rules: %d errors, %d warnings, %d hints. An error contradicts the format or itself, or does
harm at many importers, and makes a feed invalid; a warning does harm at some; a hint is legal and read in several ways, or
could be better. `+"`feedmill validate --explain CODE`"+` prints the same text. This page is written from the table in
`+"`schema/rules`"+`; change it there, and run `+"`go test ./schema/rules -update`"+`.

"IOF n" counts clauses of the format and "CONSUMERS n" needs of importers, as [format.md](format.md) says.

`, len(all), counts[LevelError], counts[LevelWarning], counts[LevelHint])
	for _, g := range groups() {
		dst = fmt.Appendf(dst, "## %s\n\n| code | level | what |\n|---|---|---|\n", g.title)
		for _, r := range g.rules {
			dst = fmt.Appendf(dst, "| [%s](#%s) | %s | %s |\n", r.Code, strings.ToLower(r.Code), r.Level, escapeCell(r.Title))
		}
		dst = append(dst, '\n')
	}
	for _, g := range groups() {
		for _, r := range g.rules {
			dst = fmt.Appendf(dst, "### %s\n\n*%s: %s.* %s\n\n- **Who is hurt:** %s\n- **How to mend it:** %s\n- **Rests on:** %s\n\n",
				r.Code, r.Level, escapeText(r.Title), escapeText(r.Means), escapeText(r.Hurts), escapeText(r.Mend), r.Basis)
		}
	}
	return dst[:len(dst)-1]
}

type group struct {
	title string
	rules []Rule
}

func groups() []group {
	return []group{
		{"XML", xmlRules()}, {"Schema", schemaRules()}, {"Files", shapeRules()}, {"References and dictionaries", referenceRules()},
		{"Products", productRules()}, {"Sizes and codes", codeRules()}, {"Prices", priceRules()}, {"Stock and weight", stockRules()},
		{"Texts and languages", textRules()}, {"Pictures and links", pictureRules()}, {"Light", lightRules()},
		{"Change files", changeRules()}, {"Times", timeRules()}, {"Gateway and manifest", gatewayRules()}, {"Delivery", deliveryRules()},
	}
}

// escapeText keeps Markdown from reading markup into a text.
func escapeText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "<", "&lt;", "*", `\*`, "_", `\_`, "[", `\[`).Replace(s)
}

func escapeCell(s string) string { return strings.ReplaceAll(escapeText(s), "|", `\|`) }
