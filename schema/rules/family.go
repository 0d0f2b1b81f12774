package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// Family is a set of files that are judged as one offer.
type Family struct {
	Files   []File
	Remarks []Remark // what was found while they were gathered
}

// File is one file of a family.
type File struct {
	// Name is how findings name it: a path or an address.
	Name string
	// Kind is what it should be; "" to find out from name and content.
	Kind schema.Kind
	// URL is its address exactly as the gateway of the family writes it; ""
	// when no gateway names it, or to match it by its name.
	URL string
	// Open opens it from the beginning; gzip is undone by Check. It is called
	// up to three times. A second call may fail with ErrOnce.
	Open func(context.Context) (io.ReadCloser, error)
	// Claims are what others than the gateway say of its bytes.
	Claims []Claim
}

// ErrOnce says that a file can be read only once.
var ErrOnce = errors.New("file can be read only once")

// Claim is what a document says of the bytes of a file, after decompression.
type Claim struct {
	By     string // name of the document
	Size   int64  // bytes; negative when it is not said
	MD5    string // hexadecimal; "" when it is not said
	SHA256 string // hexadecimal; "" when it is not said
}

// Remark is a finding from gathering the files. Its code is that of a rule.
type Remark struct {
	File    string
	Code    string
	Message string
	// Pos and Path are its place in the file, zero when the whole file is meant.
	Pos  xmltok.Pos
	Path string
}

// Files makes a family of files of the local file system. Folders are refused:
// see [Dir].
func Files(names ...string) (Family, error) {
	var fam Family
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return Family{}, fmt.Errorf("find file: %w", err)
		}
		if info.IsDir() {
			return Family{}, fmt.Errorf("find file: %s is a folder", name)
		}
		fam.Files = append(fam.Files, File{Name: name,
			Open: func(context.Context) (io.ReadCloser, error) { return os.Open(name) }})
	}
	return fam, nil
}

// Stream makes a family of one file that is read once, as it comes. The
// caller closes src where that is needed.
func Stream(name string, src io.Reader) Family {
	opened := false
	return Family{Files: []File{{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
		if opened {
			return nil, ErrOnce
		}
		opened = true
		return io.NopCloser(src), nil
	}}}}
}

// Dir makes a family of a folder: its gateway.xml and the files that this
// names, relative or by addresses whose path or type ends like the name of a
// file there; without a gateway, all XML files in the folder. A manifest.json
// in it is compared with the files. Compressed files (.gz) stand in for plain
// ones that are not there.
func Dir(dir string) (Family, error) {
	d := folder(dir)
	info, err := os.Stat(dir)
	if err != nil {
		return Family{}, fmt.Errorf("find folder: %w", err)
	}
	if !info.IsDir() {
		return Family{}, fmt.Errorf("find folder: %s is a file", dir)
	}
	var fam Family
	if name, ok := d.find("gateway.xml"); ok {
		if err := d.follow(&fam, name); err != nil {
			return Family{}, err
		}
	} else {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return Family{}, fmt.Errorf("read folder: %w", err)
		}
		for _, e := range entries {
			plain, packed := strings.CutSuffix(e.Name(), ".gz")
			if !strings.HasSuffix(plain, ".xml") || !e.Type().IsRegular() {
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, plain)); packed && err == nil {
				continue // the twin of a plain file
			}
			fam.Files = append(fam.Files, d.file(e.Name()))
		}
		if len(fam.Files) == 0 {
			return Family{}, fmt.Errorf("find files in %s: there is neither gateway.xml nor any other XML file: %w", dir, fs.ErrNotExist)
		}
	}
	return fam, d.manifest(&fam)
}

type folder string

// file makes a file of the folder; name has slashes and may not lead out.
func (d folder) file(name string) File {
	return File{Name: filepath.Join(string(d), filepath.FromSlash(name)), Open: func(context.Context) (io.ReadCloser, error) {
		return os.OpenInRoot(string(d), filepath.FromSlash(name))
	}}
}

// find looks for a file, plain or compressed.
func (d folder) find(name string) (string, bool) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", false
	}
	for _, n := range []string{name, name + ".gz"} {
		f, err := os.OpenInRoot(string(d), filepath.FromSlash(n))
		if err != nil {
			continue
		}
		info, err := f.Stat()
		if f.Close(); err == nil && info.Mode().IsRegular() {
			return n, true
		}
	}
	return "", false
}

// packed reports whether a file begins as gzip does.
func (d folder) packed(name string) bool {
	f, err := os.OpenInRoot(string(d), filepath.FromSlash(name))
	if err != nil {
		return false // who reads it will say so
	}
	defer f.Close() // only read
	var start [len(gzipMagic)]byte
	_, err = io.ReadFull(f, start[:])
	return err == nil && string(start[:]) == gzipMagic
}

// follow adds the gateway and what it names.
func (d folder) follow(fam *Family, name string) error {
	gateway := d.file(name)
	gateway.Kind = schema.Gateway
	fam.Files = append(fam.Files, gateway)
	src, err := openSource(context.Background(), &gateway)
	if err != nil {
		return err
	}
	pointers, err := ReadGateway(context.Background(), src)
	if err = errors.Join(err, src.Close()); err != nil {
		return fmt.Errorf("read %s: %w", gateway.Name, err)
	}
	roots := map[string]bool{} // addresses that the folder itself stands for
	var absent []Pointer
	for _, p := range pointers {
		if slices.ContainsFunc(fam.Files, func(f File) bool { return f.URL == p.URL }) {
			continue
		}
		found := false
		for _, c := range p.candidates() {
			if n, ok := d.find(c); ok {
				f := d.file(n)
				f.Kind, f.URL, found = p.Kind, p.URL, true
				fam.Files = append(fam.Files, f)
				if !strings.HasSuffix(n, ".gz") && d.packed(n) {
					fam.Remarks = append(fam.Remarks, Remark{File: f.Name, Code: CodeHTTPGzip, Message: "its bytes are compressed under a plain name"})
				}
				if root, ok := strings.CutSuffix(p.URL, "/"+c); ok && strings.Contains(c, "/") {
					roots[root] = true
				}
				break
			}
		}
		if !found && p.URL != "" {
			absent = append(absent, p)
		}
	}
	for _, p := range absent {
		here := false
		for root := range roots {
			here = here || strings.HasPrefix(p.URL, root+"/")
		}
		switch {
		case isAbsolute(p.URL) && !here:
			fam.Remarks = append(fam.Remarks, Remark{gateway.Name, codeFileElsewhere, fmt.Sprintf("%s is named as %s and not in the folder", p.Kind, clip(p.URL)), p.pos, p.path})
		default:
			fam.Remarks = append(fam.Remarks, Remark{gateway.Name, codeFileMissing, fmt.Sprintf("%s is named as %s, which is not in the folder", p.Kind, clip(p.URL)), p.pos, p.path})
		}
	}
	return nil
}

func isAbsolute(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.IsAbs()
}

// candidates gives the names under which the file of a pointer may lie in a
// folder, best first.
func (p *Pointer) candidates() []string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return nil
	}
	way := strings.TrimPrefix(path.Clean("/"+u.Path), "/")
	if !u.IsAbs() && u.Host == "" {
		return []string{way}
	}
	var names []string
	for rest := way; rest != ""; {
		if strings.HasSuffix(rest, ".xml") || strings.HasSuffix(rest, ".gz") {
			names = append(names, rest)
		}
		_, after, more := strings.Cut(rest, "/")
		if !more {
			break
		}
		rest = after
	}
	if kind := u.Query().Get("type"); kind != "" && !strings.ContainsAny(kind, `/\`) {
		names = append(names, kind+".xml")
	}
	if p.Kind == schema.FullChange {
		if label := labelOf(p.URL); label != "" {
			names = append(names, "full_change"+label+".xml")
		}
		return names
	}
	return append(names, string(p.Kind)+".xml")
}

// names reports whether a file without an address is the one that a pointer
// means, going by its name.
func (p *Pointer) names(file string) bool {
	file = strings.TrimSuffix(filepath.ToSlash(file), ".gz")
	for _, c := range p.candidates() {
		if file == c || strings.HasSuffix(file, "/"+c) {
			return true
		}
	}
	return false
}

// maxManifest bounds what is read of a manifest, in bytes.
const maxManifest = 16 << 20

// ReadManifest adds to the files of a family what a manifest.json says of
// them, and a remark when it names a file that exists does not find or cannot
// be read at all. match tells whether an address of the manifest means a file.
func ReadManifest(fam *Family, by string, src io.Reader, match func(address string, f *File) bool, exists func(address string) bool) error {
	data, err := io.ReadAll(io.LimitReader(src, maxManifest+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", by, err)
	}
	var m struct {
		Files []struct {
			URL    string `json:"url"`
			Size   *int64 `json:"size"`
			MD5    string `json:"md5"`
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if len(data) > maxManifest {
		err = fmt.Errorf("it exceeds %d bytes", maxManifest)
	} else if err = json.Unmarshal(data, &m); err == nil && len(m.Files) == 0 {
		err = errors.New("it names no files")
	}
	if err != nil {
		fam.Remarks = append(fam.Remarks, Remark{File: by, Code: codeManifestForm, Message: err.Error()})
		return nil
	}
	for _, entry := range m.Files {
		claim := Claim{By: by, Size: -1, MD5: entry.MD5, SHA256: entry.SHA256}
		if entry.Size != nil {
			claim.Size = *entry.Size
		}
		found := false
		for i := range fam.Files {
			if match(entry.URL, &fam.Files[i]) {
				fam.Files[i].Claims = append(fam.Files[i].Claims, claim)
				found = true
			}
		}
		if !found && !exists(entry.URL) {
			fam.Remarks = append(fam.Remarks, Remark{File: by, Code: codeManifest, Message: fmt.Sprintf("it names %s, which is not there", clip(entry.URL))})
		}
	}
	return nil
}

// manifest compares the family with the manifest.json of the folder, if there
// is one.
func (d folder) manifest(fam *Family) error {
	name, ok := d.find("manifest.json")
	if !ok || strings.HasSuffix(name, ".gz") {
		return nil
	}
	src, err := os.OpenInRoot(string(d), name)
	if err != nil {
		return fmt.Errorf("open manifest: %w", err)
	}
	defer src.Close() // only read
	return ReadManifest(fam, filepath.Join(string(d), name), src, func(address string, f *File) bool {
		if f.URL != "" {
			return f.URL == address
		}
		p := Pointer{URL: address}
		return !isAbsolute(address) && p.names(f.Name)
	}, func(address string) bool {
		p := Pointer{URL: address}
		if isAbsolute(address) {
			return true
		}
		_, ok := d.find(p.candidates()[0])
		return ok
	})
}
