package conformance

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"feedmill/internal/throttle"
	"feedmill/schema"
	"feedmill/schema/rules"
	"feedmill/schema/rules/render"
	"feedmill/schema/xmltok"
)

//go:embed assets
var assetFiles embed.FS

// Options says what the handler serves. The zero value serves the schemas alone.
type Options struct {
	// Enabled turns /validate on.
	Enabled bool
	// MaxBytes bounds an uploaded file as sent. Default 64 MiB.
	MaxBytes int64
	// PerMinute is how many files one address may have checked in a minute,
	// Burst how many at once. Defaults 10 and 5.
	PerMinute float64
	Burst     int
	// AtOnce bounds the files checked at the same time, by anybody. Default 2.
	AtOnce int
	// MaxTime bounds the reading of one upload. Default 2 minutes.
	MaxTime time.Duration
	// ClientAddr gives the address to count by. Default: the host of
	// Request.RemoteAddr, an IPv6 address by its first 64 bits.
	ClientAddr func(*http.Request) string
	// Temp is the folder for uploads, "" for that of the system.
	Temp string
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log takes what goes wrong on this side. Default: nothing is logged.
	Log *slog.Logger
}

// schemaPath is where the schemas are served; their name follows.
const schemaPath = "/schemas/iof-3.0/"

// Handler serves
//
//	GET  /validate                 the page
//	POST /validate                 the check of a file: the body, or the field "file" of a form
//	GET  /validate/assets/{name}   what the page needs, under names that hold a digest
//	GET  /schemas/iof-3.0/         the list of schema documents
//	GET  /schemas/iof-3.0/{name}   a schema document
//
// The check is answered as JSON, or as a page when Accept prefers HTML. The
// name of the file may come as the query's name, so that light, full and
// change files are told apart as in a folder.
func Handler(opt Options) http.Handler {
	opt.MaxBytes = cmp.Or(opt.MaxBytes, 64<<20)
	opt.PerMinute = cmp.Or(opt.PerMinute, 10)
	opt.Burst = cmp.Or(opt.Burst, 5)
	opt.AtOnce = cmp.Or(opt.AtOnce, 2)
	opt.MaxTime = cmp.Or(opt.MaxTime, 2*time.Minute)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.ClientAddr == nil {
		opt.ClientAddr = clientAddr
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{opt: opt, limits: throttle.New(opt.PerMinute, opt.Burst, opt.Now), slots: make(chan struct{}, opt.AtOnce)}
	r := mux.NewRouter()
	r.HandleFunc(schemaPath, h.schemas).Methods(http.MethodGet, http.MethodHead)
	r.HandleFunc(schemaPath+"{name}", h.schema).Methods(http.MethodGet, http.MethodHead)
	if opt.Enabled {
		h.loadAssets()
		r.HandleFunc("/validate", h.form).Methods(http.MethodGet, http.MethodHead)
		r.HandleFunc("/validate", h.check).Methods(http.MethodPost)
		r.HandleFunc("/validate/assets/{name}", h.asset).Methods(http.MethodGet, http.MethodHead)
	}
	return r
}

type handler struct {
	opt    Options
	limits *throttle.Limits
	slots  chan struct{}
	assets map[string]asset
	style  string // addresses of assets
	script string
}

type asset struct {
	data []byte
	kind string
}

// loadAssets names the embedded assets after their content.
func (h *handler) loadAssets() {
	h.assets = map[string]asset{}
	add := func(file, kind string) string {
		data, err := assetFiles.ReadFile("assets/" + file)
		if err != nil {
			panic(err) // only a missing embedded file could do that
		}
		sum := sha256.Sum256(data)
		ext := path.Ext(file)
		name := strings.TrimSuffix(file, ext) + "." + hex.EncodeToString(sum[:8]) + ext
		h.assets[name] = asset{data, kind}
		return "/validate/assets/" + name
	}
	h.style = add("validate.css", "text/css; charset=utf-8")
	h.script = add("validate.js", "text/javascript; charset=utf-8")
}

// asset serves what never changes under its name.
func (h *handler) asset(w http.ResponseWriter, r *http.Request) {
	a, ok := h.assets[mux.Vars(r)["name"]]
	if !ok {
		problem(w, http.StatusNotFound, "there is no such asset")
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	harden(w)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.data))
}

// harden sets what every answer carries: nothing may be guessed, framed, run
// or loaded but what this handler serves.
func harden(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
}

// problem answers with a problem document (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	harden(w)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	body, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
	if err == nil {
		_, err = w.Write(append(body, '\n'))
	}
	_ = err // the client has gone; nobody is left to tell
}

// schemas lists the schema documents, one a line.
func (h *handler) schemas(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	serve(w, r, []byte(strings.Join(schema.Files(), "\n")+"\n"))
}

// schema serves a schema document.
func (h *handler) schema(w http.ResponseWriter, r *http.Request) {
	f, err := schema.Open(mux.Vars(r)["name"])
	if err != nil {
		problem(w, http.StatusNotFound, "there is no such schema document; "+schemaPath+" lists them")
		return
	}
	defer f.Close() // embedded
	data, err := io.ReadAll(f)
	if err != nil {
		h.fail(w, "read schema document", err)
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	serve(w, r, data)
}

// serve answers with bytes that change with the program only.
func serve(w http.ResponseWriter, r *http.Request, data []byte) {
	sum := sha256.Sum256(data)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	harden(w)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// fail answers for a fault of this side.
func (h *handler) fail(w http.ResponseWriter, doing string, err error) {
	h.opt.Log.Error("check of an uploaded file failed", "doing", doing, "error", err)
	problem(w, http.StatusInternalServerError, "the check failed on this side")
}

// form serves the page.
func (h *handler) form(w http.ResponseWriter, r *http.Request) {
	h.page(w, http.StatusOK, pageData{})
}

// refuse answers a request that is not carried out, in the form that was asked for.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	if wantsHTML(r) {
		h.page(w, status, pageData{Trouble: detail})
		return
	}
	problem(w, status, detail)
}

// check judges an uploaded file.
func (h *handler) check(w http.ResponseWriter, r *http.Request) {
	if wait := h.limits.Take(h.opt.ClientAddr(r)); wait > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
		h.refuse(w, r, http.StatusTooManyRequests, "too many files from your address; try again in a minute")
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		w.Header().Set("Retry-After", "10")
		h.refuse(w, r, http.StatusServiceUnavailable, "other files are being checked; try again in a moment")
		return
	}
	up, err := h.receive(w, r)
	if err != nil {
		h.refuseUpload(w, r, err)
		return
	}
	defer func() {
		if err := up.Close(); err != nil {
			h.opt.Log.Error("removing an uploaded file failed", "error", err)
		}
	}()
	rep, err := rules.Check(r.Context(), up.family(), rules.Options{Now: h.opt.Now(), MaxErrors: 500, Memory: 64 << 20,
		Limits: xmltok.Limits{Bytes: 16 * h.opt.MaxBytes}})
	if err != nil {
		h.refuse(w, r, http.StatusUnprocessableEntity, "the file cannot be read: "+plainError(err))
		return
	}
	if wantsHTML(r) {
		d := pageData{Name: up.name, Report: &rep, Verdict: render.Verdict(rep), Valid: rep.Valid(), Hidden: rep.Hidden()}
		if d.Lines, err = up.excerpts(rep.Findings); err != nil {
			h.fail(w, "read lines", err)
			return
		}
		h.page(w, http.StatusOK, d)
		return
	}
	h.json(w, up.name, rep)
}

func (h *handler) json(w http.ResponseWriter, name string, rep rules.Report) {
	body, err := json.Marshal(struct {
		Name  string `json:"name"`
		Valid bool   `json:"valid"`
		rules.Report
	}{name, rep.Valid(), rep})
	if err != nil {
		h.fail(w, "write report", err)
		return
	}
	harden(w)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(append(body, '\n'))
	_ = err // the client has gone; nobody is left to tell
}

// wantsHTML reports whether Accept prefers a page. A program that does not say
// gets JSON.
func wantsHTML(r *http.Request) bool {
	best, html := -1.0, false
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		kind, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if _, err := fmt.Sscanf(s, "%f", &q); err != nil {
				continue
			}
		}
		isHTML := kind == "text/html" || kind == "application/xhtml+xml"
		if (isHTML || kind == "application/json") && q > best {
			best, html = q, isHTML
		}
	}
	return html
}

// plainError leaves paths of this machine out of what a stranger is told.
func plainError(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return "it could not be kept"
	}
	return err.Error()
}

// pageData is what the page shows.
type pageData struct {
	Style, Script string
	Trouble       string
	Name          string
	Report        *rules.Report
	Verdict       string
	Valid         bool
	Hidden        int64
	Lines         []excerpt
	Max           int64
}

var pages = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"title": func(code string) string { r, _ := rules.Lookup(code); return r.Title },
	"hurts": func(code string) string { r, _ := rules.Lookup(code); return r.Hurts },
	"MiB":   func(n int64) int64 { return n >> 20 },
}).ParseFS(assetFiles, "assets/page.html"))

func (h *handler) page(w http.ResponseWriter, status int, d pageData) {
	d.Style, d.Script, d.Max = h.style, h.script, h.opt.MaxBytes
	var b bytes.Buffer
	if err := pages.Execute(&b, d); err != nil {
		h.fail(w, "write page", err)
		return
	}
	harden(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(b.Bytes())
	_ = err // the client has gone; nobody is left to tell
}
