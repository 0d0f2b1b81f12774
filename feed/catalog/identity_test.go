package catalog_test

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"testing"

	"feedmill/feed"
	"feedmill/feed/catalog"

	"pgregory.net/rapid"
)

// Ids are kept by partners: the rule must never change.
func TestDerivedIDsAreFrozen(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]feed.ProductID{"": 4005573543169986, "a": 3564032869835196, "OLD/77": 2041403248381345, "żółć": 1266568827330878} {
		if got := catalog.DeriveID(key); got != want {
			t.Errorf("DeriveID(%q) = %d, want %d", key, got, want)
		}
	}
}

func TestDerivedIDsFollowTheRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.String().Draw(rt, "key")
		bits := fmt.Sprintf("%x", sha256.Sum256([]byte(key)))[:13]
		want, _ := new(big.Int).SetString(bits, 16)
		got := catalog.DeriveID(key)
		if int64(got) != want.Int64()+1 || got < 1 || got > feed.MaxProductID {
			rt.Fatalf("DeriveID(%q) = %d, want 1 + %d", key, got, want)
		}
	})
}
