package catalog_test

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strconv"
	"strings"
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

// A product that its key names is called so in codes too, where that can be one:
// partners know goods by their codes.
func TestCodesOfProductsWithKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"key,name,price,category\nA-1,x,1,c\n":                     "A-1",
		"key,name,price,category,size\nA-1,x,1,c,S\nA-1,x,1,c,M\n": "A-1-",
		"key,name,price,category,code\nA-1,x,1,c,C9\n":             "C9",
		"key,name,price,category,display_code\nA-1,x,1,c,D9\n":     "D9",
		"key,name,price,category\nA 1,x,1,c\n":                     strconv.FormatInt(int64(catalog.DeriveID("A 1")), 10),
		"id,key,name,price,category\n7,A-1,x,1,c\n":                "7",
		"id,name,price,category\n7,x,1,c\n":                        "7",
	} {
		out := readText(t, polish(), "c.csv", text)
		if out.err != nil || len(out.lines) != 1 || !strings.Contains(out.lines[0], `"code":"`+want) {
			t.Errorf("%q: got %v, %v, want the code %s", text, out.lines, out.err, want)
		}
	}
}
