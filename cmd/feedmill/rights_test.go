package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Each process has rights for its own work alone. What it asks for beyond them
// is refused with a word on whose right it is.
func TestRefusedForWantOfRights(t *testing.T) {
	t.Parallel()
	d := newDay(t)
	link := database.Empty(t)
	conn, err := pgx.Connect(t.Context(), link)
	d.must(err)
	defer conn.Close(t.Context())
	as := func(role string) string {
		u, err := url.Parse(link)
		d.must(err)
		q := u.Query()
		q.Set("user", role)
		u.RawQuery = q.Encode()
		return d.write(role, u.String())
	}
	for _, role := range []string{"serve", "generate", "admin"} {
		_, err := conn.Exec(t.Context(), "CREATE ROLE rights_"+role+" LOGIN")
		d.must(err)
	}
	// A store that lets its key do nothing.
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<Error><Code>AccessDenied</Code></Error>")) // the client may have gone
	}))
	defer denies.Close()
	s3 := []string{"--store.kind", "s3", "--store.endpoint", denies.URL, "--store.bucket", "b", "--store.access_key_file", d.write("id", "someone"), "--store.secret_key_file", d.write("key", "0123456789")}
	d.env = append(d.env, "FEEDMILL_DATABASE_KIND=postgres")
	d.run("migrate", "--database.url_file", d.write("url", link), "--serve-role", "rights_serve", "--generate-role", "rights_generate", "--admin-role", "rights_admin")
	catalog := []string{"import", "--catalog", filepath.Join("sample", "catalog.jsonl")}
	for _, step := range []struct {
		role string
		args []string
		want string // of what is said when it fails
	}{
		{"generate", catalog, "the first import makes the merchant: "},
		{"generate", catalog, "hint: run it as the admin role (setting database.url_file)"},
		{"serve", catalog, "hint: run it as the admin role"},
		{"admin", catalog, ""},
		{"generate", catalog, ""},
		{"serve", catalog, "hint: the database role of this process has no right to it"},
		{"generate", []string{"partner", "add", "Nord Shop"}, "hint: the database role of this process has no right to it"},
		{"admin", []string{"partner", "add", "Nord Shop"}, ""},
		{"generate", append([]string{"publish"}, s3...), "hint: the key of the store has no right to it"},
		{"generate", append([]string{"sweep"}, s3...), "store.delete_access_key_file"},
		{"generate", []string{"publish"}, ""},
	} {
		cmd := exec.Command(d.program, append(step.args, "--database.url_file", as("rights_"+step.role))...)
		cmd.Env = d.env
		out, err := cmd.CombinedOutput()
		if (err == nil) != (step.want == "") || !strings.Contains(string(out), step.want) {
			t.Errorf("%s as %s: %v, want %q:\n%s", step.args[0], step.role, err, step.want, out)
		}
	}
}
