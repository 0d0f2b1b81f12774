package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"feedmill/feed/publish"
	"feedmill/schema"
)

// offerCmd checks that a folder holds a whole offer: `offer DIR`. Every file of
// the manifest is there with its size and hash, and the gateway names it.
func offerCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: offer DIR")
	}
	if err := checkOffer(ts.MkAbs(args[0])); err != nil {
		ts.Fatalf("%v", err)
	}
}

// checkOffer proves that the folder holds a whole offer.
func checkOffer(dir string) error {
	var m publish.Manifest
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	gateway, err := os.ReadFile(filepath.Join(dir, "gateway.xml"))
	if err != nil {
		return err
	}
	if len(m.Files) < 11 {
		return fmt.Errorf("the manifest lists %d files, want full, light, eight dictionaries and the preset", len(m.Files))
	}
	for _, f := range m.Files {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.URL)))
		if err != nil {
			return err
		}
		if sum := md5.Sum(data); int64(len(data)) != f.Size || sum != f.MD5 {
			return fmt.Errorf("%s has %d bytes and MD5 %s, the manifest says %d and %s", f.URL, len(data), hex.EncodeToString(sum[:]), f.Size, f.MD5)
		}
		if err := validFile(f.URL, data); err != nil {
			return err
		}
		if !strings.HasSuffix(f.URL, ".csv") && !strings.Contains(string(gateway), f.MD5.String()) {
			return fmt.Errorf("the gateway does not give the hash of %s", f.URL)
		}
	}
	return validFile("gateway.xml", gateway)
}

// validFile passes a file through the validator; CSV files have no schema.
func validFile(name string, data []byte) error {
	if strings.HasSuffix(name, ".csv") {
		return nil
	}
	report, err := schema.Validate(context.Background(), bytes.NewReader(data), filepath.Base(name), schema.Options{})
	if err != nil {
		return err
	}
	if !report.Valid() {
		return fmt.Errorf("%s is not valid: %v", name, report.Findings)
	}
	return nil
}

// treeCmd notes or compares the names, contents and times of a folder:
// `tree DIR NAME` notes, `tree DIR NAME same` compares.
func treeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tree DIR NAME [same]")
	}
	var b strings.Builder
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintf(&b, "%s %x %d\n", path, md5.Sum(data), info.ModTime().UnixNano())
		}
		return err
	})
	ts.Check(err)
	note := ts.MkAbs("." + args[1] + ".tree")
	if len(args) == 2 {
		ts.Check(os.WriteFile(note, []byte(b.String()), 0o644))
		return
	}
	before, err := os.ReadFile(note)
	ts.Check(err)
	if string(before) != b.String() {
		ts.Fatalf("the folder has changed:\n%s\nbefore:\n%s", &b, before)
	}
}

// waitForCmd waits until a file holds a line that matches, and puts what its
// groups match into variables: `waitfor FILE REGEXP VAR…`.
func waitForCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waitfor FILE REGEXP [VAR...]")
	}
	re := regexp.MustCompile(`(?m)` + args[1])
	deadline := time.Now().Add(time.Minute)
	for {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if m := re.FindSubmatch(data); err == nil && m != nil {
			for i, name := range args[2:] {
				ts.Setenv(name, string(m[i+1]))
			}
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not come to match %s:\n%s", args[0], args[1], data)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// xmllintCmd validates files against a published schema: `xmllint KIND FILE…`;
// it fails where xmllint is missing, because every supported set-up installs it.
func xmllintCmd(ts *testscript.TestScript, neg bool, args []string) {
	shared := ts.Getenv("SHARED")
	if shared == "" || len(args) < 2 {
		ts.Fatalf("usage: [shared] xmllint KIND FILE...")
	}
	official := filepath.Join(shared, "iof", "official")
	lint := []string{"--nonet", "--huge", "--noout", "--schema", filepath.Join(official, args[0]+".xsd")}
	for _, f := range args[1:] {
		lint = append(lint, ts.MkAbs(f))
	}
	cmd := exec.Command("xmllint", lint...)
	cmd.Env = append(os.Environ(), "XML_CATALOG_FILES="+filepath.Join(official, "catalog.xml"))
	out, err := cmd.CombinedOutput()
	if (err != nil) != neg {
		ts.Fatalf("xmllint %s: %v\n%s", strings.Join(lint, " "), err, out)
	}
}

// runCheck runs the published schemas' script.
func runCheck(script string, files []string) (string, error) {
	out, err := exec.Command("bash", append([]string{script}, files...)...).CombinedOutput()
	return string(out), err
}
