package main

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"feedmill/internal/auth"
	"feedmill/internal/leak"
)

// day is a day of the real program in which everything secret is a canary.
type day struct {
	t       *testing.T
	program string
	dir     string // of all that it writes
	env     []string
	mu      sync.Mutex
	secrets map[string]string // may stand nowhere
	people  map[string]string // may stand in the records alone
	refused bytes.Buffer      // bodies and headers of refusals, and what commands say that fail
	exports bytes.Buffer      // the audit, metrics
	stops   []func()
}

func (d *day) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *day) secret(name, text string) string {
	d.t.Helper()
	if len(text) < 10 {
		d.t.Fatalf("%s is %q", name, text)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[fmt.Sprintf("%s %d", name, len(d.secrets))] = text
	return text
}

// run runs a command that must succeed.
func (d *day) run(args ...string) string {
	d.t.Helper()
	cmd := exec.Command(d.program, args...)
	cmd.Env = d.env
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("feedmill %s: %v\n%s", args[0], err, &errs)
	}
	d.refused.Write(errs.Bytes())
	return string(out)
}

// fail runs a command that must not, and keeps all it says.
func (d *day) fail(args ...string) {
	d.t.Helper()
	cmd := exec.Command(d.program, args...)
	cmd.Env = d.env
	out, err := cmd.CombinedOutput()
	if err == nil {
		d.t.Errorf("feedmill %s %s has worked", args[0], args[1])
	}
	d.refused.Write(out)
}

func (d *day) first(text, pattern string) string {
	d.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		d.t.Fatalf("there is no %s in %.600q", pattern, text)
	}
	return m[1]
}

// serve starts a process and gives its base address, what else it says, and
// where its metrics are. Its log goes into a file below dir.
func (d *day) serve(role string) (base, said, metrics string) {
	d.t.Helper()
	log, err := os.Create(filepath.Join(d.dir, role+".log"))
	d.must(err)
	out := filepath.Join(d.dir, role+".out")
	stdout, err := os.Create(out)
	d.must(err)
	cmd := exec.Command(d.program, "serve", "--role", role)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env, stdout, log
	d.must(cmd.Start())
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()
		log.Close()
		stdout.Close()
	})
	stop := func() {
		d.must(cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			d.t.Errorf("%s ended with %v", role, err)
		}
	}
	d.stops = append(d.stops, stop)
	text := d.waitFile(out, ` on http\S+\n`)
	told := d.waitFile(log.Name(), `msg=metrics address=\S+`)
	return d.first(text, ` on (http\S+)`), out, "http://" + d.first(told, `msg=metrics address=(\S+)`)
}

// waitFile waits until a file says something.
func (d *day) waitFile(path, pattern string) string {
	d.t.Helper()
	want := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		text, err := os.ReadFile(path)
		d.must(err)
		if want.Match(text) {
			return string(text)
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%s does not say %s:\n%s", path, pattern, text)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// ask sends a request; what is refused is kept.
func (d *day) ask(client *http.Client, method, address, body string, headers ...string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return 0, "" // no address at all
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	d.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	d.must(err)
	// A gap is answered with the address of a full file, under the link that asked.
	if res.StatusCode >= 400 && res.StatusCode != http.StatusGone {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.refused.Write(text)
		_ = res.Header.Write(&d.refused)
	}
	return res.StatusCode, string(text)
}

// TestNoSecretIsLeft lives a day with the real program, in all roles, rightly and
// wrongly, at the most talkative level of the log. Afterwards no secret stands in
// anything that it has written or said but the answers to those whose secrets
// they are, and nothing about people but in the records.
func TestNoSecretIsLeft(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		d := newDay(t)
		d.run("import", "--catalog", filepath.Join("sample", "catalog.jsonl"))
		base, said, metrics := d.serve("all")
		d.live(base, base, said)
		d.scrape(metrics)
		d.end()
		d.look(d.dir, filepath.Join(d.dir, "data", "feedmill.db"))
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		d := newDay(t)
		server := objects.Versitygw(t)
		link := database.Database(t)
		for key, value := range map[string]string{
			"DATABASE_KIND": "postgres", "DATABASE_URL_FILE": d.write("url", link), "STORE_KIND": "s3", "STORE_ENDPOINT": server.Endpoint, "STORE_REGION": server.Region,
			"STORE_BUCKET": server.Bucket(t), "STORE_ACCESS_KEY_FILE": d.write("access", server.AccessKey), "STORE_SECRET_KEY_FILE": d.write("key", server.SecretKey),
		} {
			d.env = append(d.env, "FEEDMILL_"+key+"="+value)
		}
		d.run("import", "--catalog", filepath.Join("sample", "catalog.jsonl"))
		edge, _, m1 := d.serve("edge")
		_, _, m2 := d.serve("worker")
		panel, said, m3 := d.serve("panel")
		d.live(edge, panel, said)
		d.scrape(m1, m2, m3)
		d.end()
		d.look(d.dir, "")
		dump := filepath.Join(d.dir, "dump")
		d.must(os.WriteFile(dump, dumpDatabase(t, link), 0o600))
		d.look(dump, dump)
	})
}

func newDay(t *testing.T) *day {
	d := &day{t: t, program: program(t), dir: t.TempDir(), secrets: map[string]string{}, people: map[string]string{}}
	d.must(os.Mkdir(filepath.Join(d.dir, "tmp"), 0o700))
	d.env = append(os.Environ(), "FEEDMILL_DATA="+filepath.Join(d.dir, "data"), "TMPDIR="+filepath.Join(d.dir, "tmp"), "FEEDMILL_SERVER_LISTEN=127.0.0.1:0",
		"FEEDMILL_SERVER_METRICS_LISTEN=127.0.0.1:0", "FEEDMILL_JOBS_PUBLISH_EVERY=0s", "FEEDMILL_FEEDS_CHANGE_EVERY=0s", "FEEDMILL_FEEDS_LIGHT_EVERY=0s",
		"FEEDMILL_LOG_LEVEL=debug", "FEEDMILL_VALIDATE_ENABLED=true")
	return d
}

// write puts a setting that is secret into a file outside of what is looked at.
func (d *day) write(name, text string) string {
	path := filepath.Join(d.t.TempDir(), name)
	d.must(os.WriteFile(path, []byte(text+"\n"), 0o600))
	return path
}

// live is what happens on the day. said is the file of what the process says that
// has the panel.
func (d *day) live(edge, panel, said string) {
	t := d.t
	d.people["an e-mail address"], d.people["another e-mail address"] = "canary.partner@buyers.example", "second+canary@buyers.example"
	d.people["a phone number"], d.people["another phone number"] = "+48 601 777 424", "+48 602 888 535"
	var a added
	d.must(json.Unmarshal([]byte(d.run("partner", "add", "Nord Shop", "--email", d.people["an e-mail address"], "--json")), &a))
	linkOf := regexp.MustCompile(`fm1_[0-9A-Za-z]+`)
	link := d.secret("link", linkOf.FindString(a.Gateway))
	scopes := []string{"key", "new", "programs", "--json"}
	for _, s := range []string{"products:read", "products:write", "accounts:read", "accounts:write", "links:write", "publish", "ledger:read", "audit:read", "merchant:write"} {
		scopes = append(scopes, "--scope", s)
	}
	key := d.secret("key", d.first(d.run(scopes...), `(fmk_[0-9A-Za-z]+)`))

	// People: the first owner, a second factor, wrong passwords, resets.
	jar, err := cookiejar.New(nil)
	d.must(err)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post := func(path string, fields ...string) (int, string) {
		t.Helper()
		v := url.Values{}
		for i := 0; i+1 < len(fields); i += 2 {
			v.Set(fields[i], fields[i+1])
		}
		status, body := d.ask(browser, http.MethodPost, panel+"/panel"+path, v.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Origin", panel)
		u, err := url.Parse(panel + "/panel/")
		d.must(err)
		for _, c := range jar.Cookies(u) {
			if strings.HasSuffix(c.Name, "session") && !slices.Contains(slices.Collect(maps.Values(d.secrets)), c.Value) {
				d.secret("session", c.Value)
			}
		}
		return status, body
	}
	want := func(what string, got, want int, body string) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: status %d, want %d: %.2000s", what, got, want, body)
		}
	}
	// The code is told where the operator reads it, and nowhere else.
	code := d.first(d.waitFile(said, `give the code`), `give the code ([a-z2-7]+) within`)
	password, wrong := d.secret("password", "canary perch glass tulip"), d.secret("wrong password", "mistaken canary perch tulip")
	status, body := post("/setup", "code", code, "login", "anna@example.com", "new-password", password)
	want("set-up", status, 303, body)
	status, body = d.ask(browser, "GET", panel+"/panel/account/second-factor", "")
	want("second factor", status, 200, body)
	factor, ok := auth.ParseFactorKey(d.first(body, `name="key" value="([A-Z2-7]+)"`))
	if !ok {
		t.Fatal("there is no key on the page")
	}
	d.secret("second factor", factor.Reveal())
	status, body = post("/account/second-factor", "key", factor.Reveal(), "code", "000000x")
	want("a wrong code", status, 422, body)
	status, body = post("/account/second-factor", "key", factor.Reveal(), "code", factor.Code(time.Now()))
	want("second factor", status, 200, body)
	for _, m := range regexp.MustCompile(`<li>([a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})</li>`).FindAllStringSubmatch(body, -1) {
		d.secret("recovery code", m[1])
	}
	post("/sign-out")
	status, body = post("/sign-in", "login", "anna@example.com", "password", wrong)
	want("a wrong password", status, 422, body)
	status, body = post("/sign-in", "login", password, "password", wrong) // typed into the wrong field
	want("a password as a name", status, 422, body)
	status, body = post("/sign-in", "login", "anna@example.com", "password", password)
	want("the right one", status, 303, body)
	var recovery string
	for name, text := range d.secrets {
		if strings.HasPrefix(name, "recovery code") {
			recovery = text
		}
	}
	status, body = post("/second-factor", "code", recovery)
	want("a recovery code", status, 303, body)
	for _, who := range [][]string{{"user", "add", "otto", "--role", "manager"}, {"user", "reset", "otto"}} {
		reset := d.secret("reset code", d.first(d.run(who...), `code=([a-z2-7]+)`))
		status, body = post("/reset", "code", reset, "new-password", "short")
		want("a short password", status, 422, body)
	}
	newer := d.secret("password", "another canary in the mine")
	status, body = post("/account/password", "password", wrong, "new-password", newer)
	want("a change with a wrong password", status, 422, body)
	status, body = post("/account/password", "password", password, "new-password", newer)
	want("a change of the password", status, 303, body)

	// Programs.
	plain := &http.Client{CheckRedirect: browser.CheckRedirect}
	api := panel + "/api/v1"
	call := func(method, path, body string) (int, string) {
		return d.ask(plain, method, api+path, body, "Authorization", "Bearer "+key, "Content-Type", "application/json", "Idempotency-Key", fmt.Sprintf("%d-%d-%s", len(path), len(body), method))
	}
	status, body = call("POST", "/partners", fmt.Sprintf(`{"name": "South", "email": %q, "phone": %q}`, d.people["another e-mail address"], d.people["a phone number"]))
	want("a partner", status, 201, body)
	south := d.first(body, `"id":"(p-[a-z2-7]+)"`)
	status, body = call("PATCH", "/partners/"+south, fmt.Sprintf(`{"version": 1, "email": %q, "phone": %q}`, "x"+d.people["an e-mail address"], d.people["another phone number"]))
	want("a change", status, 200, body)
	status, _ = call("PATCH", "/partners/"+south, fmt.Sprintf(`{"version": 1, "email": %q, "phone": %q}`, d.people["an e-mail address"], d.people["a phone number"]))
	// Who makes a change from an old version is shown what stands there: it is his.
	if status != 409 {
		t.Errorf("a change from an old version: %d", status)
	}
	d.refused.Reset()
	status, body = call("GET", "/offers", "")
	want("offers", status, 200, body)
	offer := d.first(body, `"id":"(o-[a-z2-7]+)"`)
	status, body = call("POST", "/offers/"+offer+"/links", `{"name": "canary"}`)
	want("a link", status, 201, body)
	second := d.secret("link", linkOf.FindString(body))
	ids := regexp.MustCompile(`"link":\{[^}]*?"id":"(l-[a-z2-7]+)"|"id":"(l-[a-z2-7]+)"`).FindStringSubmatch(body)
	if ids == nil {
		t.Fatalf("no id in %s", linkOf.ReplaceAllString(body, "…"))
	}
	linkID := ids[1] + ids[2]
	status, body = call("POST", "/links/"+linkID+"/rotate", `{"overlap_seconds": 0}`)
	want("a rotation", status, 201, body)
	third := d.secret("link", linkOf.FindString(body))
	// Every operation there is, with secrets where ids belong and people's data where
	// it does not.
	status, body = d.ask(plain, "GET", api+"/openapi.json", "")
	want("the document", status, 200, body)
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	d.must(json.Unmarshal([]byte(body), &doc))
	operations := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			operations++
			method = strings.ToUpper(method)
			for _, s := range []string{link, key, second} {
				filled := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, s)
				if !strings.Contains(path, "{") {
					filled += "?q=" + s + "&cursor=" + s
				}
				if method == "GET" || strings.Contains(path, "{") {
					call(method, filled, `{"secret": "`+s+`", "email": "`+d.people["an e-mail address"]+`"}`)
				}
				d.ask(plain, method, api+filled, "{}", "Authorization", "Bearer "+s[:len(s)-1], "X-Api-Key", s, "Cookie", "key="+s, "Referer", edge+"/o/"+s+"/gateway.xml")
			}
		}
	}
	if operations < 40 {
		t.Errorf("only %d operations were found", operations)
	}

	// Partners.
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if status, _ := d.ask(plain, "GET", edge+"/o/"+link+"/gateway.xml", ""); status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is published")
		}
		<-time.After(50 * time.Millisecond)
	}
	// Passwords have no shape by which a program's name for itself could be cleaned.
	agent := link
	for _, s := range []string{link, second, third, link[:len(link)-1] + "0", key, password} {
		s = url.PathEscape(s)
		if strings.HasPrefix(s, "fm") {
			agent = s
		}
		for _, path := range []string{"/o/" + s + "/gateway.xml", "/o/" + s + "/manifest.json", "/o/" + s + "/full.xml", "/o/" + s + "/light.xml", "/o/" + s + "/99/full.xml", "/o/" + s + "/nothing", "/o/" + s,
			"/" + s, "/o/gateway.xml?link=" + s, "/edi/export-offer.php?type=full&token=" + s, "/edi/export-offer.php?type=" + s + "&token=" + s, "/o/-/gateway.xml", "/validate?url=" + s,
			"/o/" + s + "/full_change-since.xml?label=2026-01-01T00-00-00"} {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				d.ask(plain, method, edge+path, "", "Accept-Encoding", "gzip")
				d.ask(plain, method, edge+path, "", "User-Agent", "importer "+agent, "Referer", edge+"/o/"+s+"/gateway.xml", "X-Request-Id", s, "X-Forwarded-For", s, "Cookie", s,
					"Range", "bytes="+s, "If-None-Match", s)
				d.ask(plain, method, edge+path, "", "Authorization", "Bearer "+s)
				d.ask(plain, method, edge+path, "", "Authorization", "Basic "+s)
			}
		}
	}
	// Every page of the panel that another names, once more with a secret in its address.
	seen, queue := map[string]bool{}, []string{"/panel/"}
	for len(queue) > 0 && len(seen) < 150 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		status, body := d.ask(browser, "GET", panel+path, "", "Referer", panel+"/panel/?s="+link)
		if status >= 500 {
			t.Errorf("%s: %d", path, status)
		}
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		// What such a page says is for him who has sent it, and is not looked at.
		before := d.refused.Len()
		d.ask(plain, "GET", panel+path+sign+"s="+link, "")
		d.refused.Truncate(before)
		for _, m := range regexp.MustCompile(`(?:href|action)="(/panel/[^"#]*)"`).FindAllStringSubmatch(body, -1) {
			if to := strings.ReplaceAll(m[1], "&amp;", "&"); !strings.Contains(to, "/assets/") {
				queue = append(queue, to)
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d pages were found", len(seen))
	}

	// The command line, with secrets where names belong.
	for _, args := range [][]string{{"partner", "show", link}, {"link", "revoke", link}, {"link", "suspend", second}, {"key", "revoke", key}, {"offer", "show", "--offer", link},
		{"why", "--partner", key, "--sku", link}, {"job", "cancel", link}, {"audit", "verify", "--head", key}, {"link", "list", "--partner", link}} {
		d.fail(args...)
	}
	d.run("audit", "verify")
	d.run("publish", "--full")
	d.exports.WriteString(d.run("audit", "export"))
	d.exports.WriteString(d.run("audit", "list", "--limit", "1000"))
	d.exports.WriteString(d.run("job", "list", "--json"))
	d.exports.WriteString(d.run("link", "list", "--json"))
	status, body = d.ask(plain, "GET", api+"/audit/export", "", "Authorization", "Bearer "+key)
	want("the audit", status, 200, body)
	d.exports.WriteString(body)
	status, body = d.ask(plain, "GET", api+"/downloads", "", "Authorization", "Bearer "+key)
	want("the ledger", status, 200, body)
	d.exports.WriteString(body)
}

// scrape keeps what the listeners for operators show.
func (d *day) scrape(addresses ...string) {
	d.t.Helper()
	for _, a := range addresses {
		for _, path := range []string{"/metrics", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", "/debug/vars"} {
			_, body := d.ask(http.DefaultClient, "GET", a+path, "")
			d.exports.WriteString(body)
		}
	}
	if !strings.Contains(d.exports.String(), "feedmill_refusals_total") {
		d.t.Error("no metrics were seen")
	}
}

// end stops all processes, which write down what they still hold.
func (d *day) end() {
	for _, stop := range d.stops {
		stop()
	}
}

// look searches a folder or file, and all that was said. records is the file of
// the database, which may tell of people.
func (d *day) look(root, records string) {
	t := d.t
	t.Helper()
	var secrets, people []leak.Canary
	for name, text := range d.secrets {
		secrets = append(secrets, leak.Canary{Name: name, Text: text})
		if _, ok := auth.ParseFactorKey(text); ok && strings.HasPrefix(name, "second factor") {
			secrets = append(secrets, leak.Canary{Name: name + ", its bytes", Text: string(factorBytes(text))})
		}
	}
	for name, text := range d.people {
		people = append(people, leak.Canary{Name: name, Text: text})
	}
	found, files, err := leak.New(secrets...).Tree(root)
	d.must(err)
	about, _, err := leak.New(people...).Tree(root)
	d.must(err)
	told := false
	for _, f := range about {
		if isRecord := records != "" && strings.HasPrefix(f.Where, records); isRecord {
			told = true
		} else {
			found = append(found, f)
		}
	}
	if records != "" && !told {
		t.Error("nobody's address is found in the records either: the search is broken")
	}
	all := leak.New(append(secrets, people...)...)
	found = append(found, all.Scan("refusals", d.refused.Bytes())...)
	found = append(found, all.Scan("exports", d.exports.Bytes())...)
	if len(secrets) < 20 || files == 0 || d.refused.Len() == 0 || d.exports.Len() == 0 {
		t.Errorf("%d secrets were looked for in %d files, %d and %d bytes", len(secrets), files, d.refused.Len(), d.exports.Len())
	}
	for _, f := range found {
		t.Error(f)
	}
	// Each of them is found where it is.
	for _, c := range append(secrets, people...) {
		if planted := all.Scan("planted", []byte("msg=request address=/"+url.QueryEscape(c.Text))); len(planted) == 0 {
			t.Errorf("%s is not found where it is", c.Name)
		}
	}
}

// factorBytes gives the key of a second factor as it may be kept in a database.
func factorBytes(text string) []byte {
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		return nil
	}
	return b
}

// dumpDatabase gives every row of every table, and what the server knows of them.
func dumpDatabase(t *testing.T, address string) []byte {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	var out bytes.Buffer
	for _, table := range tables {
		fmt.Fprintf(&out, "\n-- %s\n", table)
		if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY "+table+" TO STDOUT"); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
