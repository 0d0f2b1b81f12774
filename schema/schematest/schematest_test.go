package schematest_test

import (
	"fmt"
	"testing"

	"feedmill/schema/schematest"
)

// probe is a test that notes its failures.
type probe struct{ failures []string }

func (p *probe) Helper() {}
func (p *probe) Errorf(format string, args ...any) {
	p.failures = append(p.failures, fmt.Sprintf(format, args...))
}

func TestValid(t *testing.T) {
	t.Parallel()
	const light = `<offer file_format="IOF" version="3.0"><products currency="PLN">%s</products></offer>`
	for _, c := range []struct {
		name, data string
		failures   int
		allowed    []string
	}{
		{"light.xml", fmt.Sprintf(light, ""), 0, nil},
		{"light.xml", fmt.Sprintf(light, `<product id="1"/>`), 0, nil},
		{"light.xml", fmt.Sprintf(light, `<product id="one"/>`), 1, nil},
		{"light.xml", fmt.Sprintf(light, `<product id="one"/>`), 0, []string{"XSD-VALUE"}},
		{"light.xml", "<offer", 2, nil},
		{"x.xml", "<html/>", 2, nil},
	} {
		var p probe
		schematest.Valid(&p, c.name, []byte(c.data), c.allowed...)
		if len(p.failures) != c.failures {
			t.Errorf("%s: failures %q, want %d", c.data, p.failures, c.failures)
		}
	}
}
