package consumer

import (
	"errors"
	"net/url"
	"testing"
)

// Whatever a supplier sends for a gateway and a manifest makes an offer that
// can be planned by, or a fault.
func FuzzOffer(f *testing.F) {
	f.Add([]byte(`<provider_description generated="2026-11-21 12:00:00"><full url="full.xml" hash="d41d8cd98f00b204e9800998ecf8427e"><changes><change url="full_change2026-11-21T12-00-00.xml" hash="d41d8cd98f00b204e9800998ecf8427e"/></changes></full><light url="l"/></provider_description>`), []byte(`{"format":"feedmill-manifest/1"}`))
	f.Add([]byte(`<provider_description><full url="%" hash="x"/></provider_description>`), []byte(`{`))
	f.Add([]byte(``), []byte(`{"format":"feedmill-manifest/1","files":[{"kind":"full"},{"kind":"new"}]}`))
	base, err := url.Parse("https://example.com/o/x/gateway.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, gateway, manifest []byte) {
		known := func(err error) bool {
			var e *Error
			return errors.As(err, &e) && e.Fault != "" && e.File != ""
		}
		m, err := readManifest(manifest)
		if err != nil && !known(err) {
			t.Fatalf("manifest: %v", err)
		}
		g, err := readGateway(gateway)
		if err != nil {
			if !known(err) {
				t.Fatalf("gateway: %v", err)
			}
			return
		}
		for _, unhashed := range []bool{false, true} {
			o, err := newOffer(base, g, m, unhashed)
			if err != nil {
				if !known(err) {
					t.Fatalf("offer: %v", err)
				}
				continue
			}
			if o.full == nil || o.light == nil {
				t.Fatal("an offer without full or light")
			}
			steps, reason := plan(&State{Generation: 3, Stamp: "2026-11-21 12:00:00", Files: map[string]FileState{fullName: {SHA256: "x"}}}, o)
			for i := 1; i < len(steps); i++ {
				if reason == "" && o.manifest && steps[i].target <= steps[i-1].target {
					t.Fatalf("steps do not ascend: %+v", steps)
				}
			}
			if _, err := after(o); err != nil && !known(err) {
				t.Fatalf("after: %v", err)
			}
		}
	})
}
