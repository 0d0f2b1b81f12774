package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/storage/s3store"
)

func TestProfileKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, c := range []struct {
		text, profile string
		want          s3store.Key
		says          string // of a refusal
	}{
		{text: "[default]\naws_access_key_id = AKIA1\naws_secret_access_key = a+b/c=\n", want: s3store.Key{Access: "AKIA1", Secret: "a+b/c="}},
		{text: "\ufeff# of the shop\r\n[profile feeds]\r\nAWS_ACCESS_KEY_ID=ASIA2\r\naws_secret_access_key=s\r\naws_session_token = t==\r\nregion=eu-west-1\r\n\r\n; end\r\n", profile: "feeds",
			want: s3store.Key{Access: "ASIA2", Secret: "s", Session: "t=="}},
		{text: "[a]\naws_access_key_id=1\n[b]\naws_access_key_id=2\naws_secret_access_key=s2\n[a]\naws_secret_access_key=s1\naws_access_key_id=3\n", profile: "a", want: s3store.Key{Access: "3", Secret: "s1"}},
		{text: "[other]\naws_access_key_id=1\n", says: `has no profile "default"; it has ["other"]`},
		{text: "[default]\nrole_arn = arn:aws:iam::1:role/x\ncredential_process = /bin/x\n", says: `has no aws_access_key_id in the profile "default"`},
		{text: "[default]\naws_access_key_id=1\naws_secret_access_key=\n", says: `has no aws_secret_access_key`},
		{text: "[default]\naws_access_key_id=1\naws_secret_access_key=CHANGE-ME\n", says: "still holds the sample's CHANGE-ME"},
		{text: "\n[default]\nhush hush\n", says: "has a line 3 that is neither"},
		{text: "hush = hush\n", says: "has a line 1 that is neither"},
		{text: "", says: "has no profile"},
	} {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := profileKey(path, c.profile)
		if c.says == "" && (err != nil || got != c.want) {
			t.Errorf("%q: got %+v, %v, want %+v", c.text, got, err, c.want)
		}
		if c.says != "" && (got != s3store.Key{} || feed.KindOf(err) != feed.KindInvalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error()+feed.HintOf(err), "hush")) {
			t.Errorf("%q: got %+v, %v, want %q, and no secret", c.text, got, err, c.says)
		}
	}
}

// What contradicts itself is refused, and each key is named by its setting.
func TestStoreKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		set                  config.Store
		key, sweeps, refused string
	}{
		{set: config.Store{AccessFile: "a", SecretFile: "s"}, key: "store.access_key_file"},
		{set: config.Store{AccessFile: "a", SecretFile: "s", DeleteAccessFile: "d", DeleteSecretFile: "e"}, key: "store.access_key_file", sweeps: "store.delete_access_key_file"},
		{set: config.Store{CredentialsFile: "c"}, key: "store.credentials_file"},
		{set: config.Store{CredentialsFile: "c", Profile: "p", DeleteProfile: "q"}, key: "store.credentials_file", sweeps: "store.delete_profile"},
		{set: config.Store{CredentialsFile: "c", DeleteAccessFile: "d", DeleteSecretFile: "e"}, key: "store.credentials_file", sweeps: "store.delete_access_key_file"},
		{set: config.Store{CredentialsFile: "c", SessionFile: "t"}, refused: "are both given"},
		{set: config.Store{CredentialsFile: "c", AccessFile: "a"}, refused: "are both given"},
		{set: config.Store{CredentialsFile: "c", DeleteProfile: "q", DeleteSessionFile: "t"}, refused: "are both given"},
		{set: config.Store{AccessFile: "a", SecretFile: "s", Profile: "p"}, refused: "setting store.profile is given"},
		{set: config.Store{AccessFile: "a", SecretFile: "s", DeleteProfile: "p"}, refused: "setting store.delete_profile is given"},
	} {
		key, sweeps, err := storeKeys(&c.set)
		if c.refused != "" {
			if feed.KindOf(err) != feed.KindInvalid || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%+v: got %v, want %q", c.set, err, c.refused)
			}
			continue
		}
		if err != nil || key.setting != c.key || sweeps.setting != c.sweeps {
			t.Errorf("%+v: got %q and %q, %v, want %q and %q", c.set, key.setting, sweeps.setting, err, c.key, c.sweeps)
		}
	}
}

// A temporary key is sent with its token, and one that takes its place in the file
// is used without a restart.
func TestTemporaryKey(t *testing.T) {
	t.Parallel()
	var valid atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Security-Token") != valid.Load() {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "<Error><Code>ExpiredToken</Code></Error>")
			return
		}
		fmt.Fprint(w, "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")
	}))
	defer server.Close()
	dir := t.TempDir()
	file := secretsIn(t, dir)
	profile := func(token string) string {
		return "[feeds]\naws_access_key_id=ASIA\naws_secret_access_key=secret\naws_session_token=" + token + "\n"
	}
	for _, set := range []*config.Store{
		{AccessFile: file("access", "ASIA"), SecretFile: file("secret", "secret"), SessionFile: file("token", "t1")},
		{CredentialsFile: file("credentials", profile("t1")), Profile: "feeds"},
	} {
		valid.Store("t1")
		set.Kind, set.Endpoint, set.Bucket, set.PathStyle = "s3", server.URL, "bucket", true
		b, err := openBucket(set, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		list := func() (err error) {
			for _, err = range b.asStore().List(t.Context(), "") {
			}
			return err
		}
		if err := list(); err != nil {
			t.Errorf("with the token: %v", err)
		}
		valid.Store("t2")
		if err := list(); err == nil || !strings.Contains(err.Error(), "the time of the temporary key is over") || !strings.Contains(hintOfParts(err), "store.session_token_file") {
			t.Errorf("with one that is over: %v", err)
		}
		file("token", "t2")
		file("credentials", profile("t2"))
		if err := list(); err != nil {
			t.Errorf("with the one that has come: %v", err)
		}
		file("token", "t1")
		file("credentials", profile("t1"))
	}
}
