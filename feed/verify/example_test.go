package verify_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"feedmill/feed/verify"
	"feedmill/storage/memstore"
)

// A folder that holds something else is no error of the check: the report says
// what is wrong.
func ExampleFolder() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "gateway.xml"), []byte("<provider_description"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	rep, err := verify.Folder(context.Background(), dir, verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("clean:", rep.Clean())
	for _, f := range rep.Findings {
		fmt.Println(f.Rule, f.File)
	}
	// Output:
	// clean: false
	// VER-GATEWAY-INVALID gateway.xml
	// VER-MANIFEST-MISSING manifest.json
}

func ExampleGateway() {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	rep, err := verify.Gateway(context.Background(), s.Client(), s.URL+"/o/secret/gateway.xml", verify.Options{})
	fmt.Println(rep.Has("VER-GATEWAY-MISSING"), err)
	// Output: true <nil>
}

// An installation without merchants has nothing that could be wrong.
func ExampleRecords() {
	rep, err := verify.Records(context.Background(), nobody{}, memstore.New(memstore.Options{}), verify.Options{})
	fmt.Println(verify.Verdict(rep), err)
	// Output: clean; 0 files, 0 products, 0 bytes <nil>
}

func ExampleScrub() {
	rep, err := verify.Scrub(context.Background(), nobody{}, memstore.New(memstore.Options{}), verify.ScrubOptions{Rate: 50_000_000})
	if err == nil {
		err = verify.ScrubText(os.Stdout, rep)
	}
	fmt.Println(rep.Clean(), err)
	// Output:
	// 0 blobs, 0 bytes read: all as they were stored
	// true <nil>
}

func ExampleText() {
	rep := verify.Report{Subject: "public/partner", Files: 21, Products: 3,
		Findings: []verify.Finding{{Rule: "VER-FILE-DIGEST", Severity: verify.SeverityError, File: "2/light.xml", Message: "its SHA-256 is another one", Mend: "Publish anew."}},
		Counts:   []verify.Count{{Rule: "VER-FILE-DIGEST", Severity: verify.SeverityError, Title: "file damaged", Found: 1, Shown: 1}}}
	if err := verify.Text(os.Stdout, rep); err != nil {
		fmt.Println(err)
	}
	// Output:
	// public/partner: not clean, 1 error and 0 warnings; 21 files, 3 products, 0 bytes
	//
	// VER-FILE-DIGEST (error), once: file damaged
	//   - 2/light.xml  its SHA-256 is another one
	//   What to do: Publish anew.
}

type nobody struct{ verify.Ledger }

func (nobody) Merchants(context.Context) ([]string, error) { return nil, nil }
