package feed_test

import (
	"testing"

	"feedmill/feed"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "",
		"Zażółć gęślą jaźń — Ωμέγα": "Zażółć gęślą jaźń — Ωμέγα",
		`C:\new "quoted"`:         `C:\new "quoted"`,
		"\x1b[2J\x1b]0;title\x07": `\x1b[2J\x1b]0;title\a`,
		"\u009b31m":               `\u009b31m`,
		"two\r\n\tlines":          `two\r\n\tlines`,
		"txt.\u202egnp":           `txt.\u202egnp`,
		"bad\xff\x9b":             `bad\xff\x9b`,
		"\ufffd is itself":        "\ufffd is itself",
	} {
		if got := feed.Visible(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
