package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"feedmill/internal/metrics"
)

// A real server counts what happens to it, shows it on a listener of its own
// that only this machine reaches, and tells no secret there.
func TestMetricsOfARealServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	feedmill := program(t)
	env := append(os.Environ(), "FEEDMILL_DATA="+filepath.Join(dir, "data"), "FEEDMILL_SERVER_LISTEN=127.0.0.1:0", "FEEDMILL_SERVER_METRICS_LISTEN=127.0.0.1:0",
		"FEEDMILL_JOBS_PUBLISH_EVERY=0s")
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(feedmill, args...)
		cmd.Env = env
		return cmd
	}
	run := func(args ...string) []byte {
		t.Helper()
		out, err := command(args...).Output()
		if err != nil {
			t.Fatalf("feedmill %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	catalog := filepath.Join(dir, "catalog.jsonl")
	writeCatalog(t, catalog, 50, 1)
	run("import", "--catalog", catalog)
	var a added
	if err := json.Unmarshal(run("partner", "add", "Nord", "--json"), &a); err != nil {
		t.Fatal(err)
	}
	path := a.Gateway[strings.Index(a.Gateway, "/o/"):]
	secret := strings.Split(path, "/")[2]

	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	serve := command("serve")
	serve.Stderr = log
	stdout, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Kill() // it may be gone
		_ = serve.Wait()
	})
	line := make([]byte, 256)
	n, _ := stdout.Read(line)
	base := regexp.MustCompile(`serving offers on (\S+)`).FindSubmatch(line[:n])
	if base == nil {
		t.Fatalf("serve says %q", line[:n])
	}
	told, err := os.ReadFile(log.Name())
	at := regexp.MustCompile(`msg=metrics address=(\S+)`).FindSubmatch(told)
	if err != nil || at == nil {
		t.Fatalf("the log does not tell where metrics are: %v\n%s", err, told)
	}
	host, _, err := net.SplitHostPort(string(at[1]))
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		t.Errorf("metrics are shown on %s", at[1])
	}
	get := func(address string) (int, string) { return fetch(t, address) }
	own := "http://" + string(at[1])
	scrape := func() (map[string]*dto.MetricFamily, string) {
		t.Helper()
		status, text := get(own + "/metrics")
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(text))
		if status != http.StatusOK || err != nil {
			t.Fatalf("metrics answer %d, %v", status, err)
		}
		return families, text
	}
	// The worker publishes what was imported before it began, and counts a run a
	// moment after what it has published shows.
	for deadline := time.Now().Add(time.Minute); ; {
		if status, _ := get(string(base[1]) + path); status == http.StatusOK {
			if families, _ := scrape(); families["feedmill_publish_bytes_total"] != nil {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is published")
		}
		<-time.After(50 * time.Millisecond)
	}
	for _, address := range []string{path, strings.Replace(path, "gateway.xml", "full.xml", 1), path + "x", "/o/" + strings.Repeat("x", len(secret)) + "/full.xml", "/nonsense/" + secret} {
		get(string(base[1]) + address)
	}
	families, text := scrape()
	for name := range map[string]bool{"feedmill_http_requests_total": true, "feedmill_refusals_total": true, "feedmill_publish_runs_total": true, "feedmill_publish_bytes_total": true,
		"feedmill_feeds": true, "feedmill_feed_oldest_age_seconds": true, "feedmill_changes_waiting": true, "feedmill_jobs": true, "feedmill_store_calls_total": true,
		"feedmill_store_bytes_total": true, "feedmill_database_connections": true, "feedmill_downloads_running": true, "feedmill_accounts_age_seconds": true,
		"feedmill_cache_files": true, "feedmill_build_info": true, "go_goroutines": true} {
		if families[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	value := func(name string, labels ...string) (sum float64) {
		for _, m := range families[name].GetMetric() {
			have := map[string]bool{}
			for _, l := range m.GetLabel() {
				have[l.GetValue()] = true
			}
			all := true
			for _, l := range labels {
				all = all && have[l]
			}
			if all {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		return sum
	}
	if v := value("feedmill_publish_runs_total", "published"); v < 1 {
		t.Errorf("%v runs were published", v)
	}
	if v := value("feedmill_http_requests_total", "/o/{link}/{file}", "200"); v != 1 {
		t.Errorf("%v full files were sent by their plain name", v)
	}
	if v := value("feedmill_store_calls_total", "put", "ok"); v < 5 {
		t.Errorf("%v objects were stored", v)
	}
	if v := value("feedmill_scrape_errors_total"); v != 0 {
		t.Errorf("%v sources could not be read", v)
	}
	listed := map[string]bool{}
	for _, f := range metrics.Families() {
		listed[f.Name] = true
	}
	for name := range families {
		if !listed[name] && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "promhttp_") {
			t.Errorf("%s is not listed", name)
		}
	}
	// The secret, and the part of it that is random, stand nowhere.
	random := secret[len(secret)-40:]
	_, profile := get(own + "/debug/pprof/goroutine?debug=2")
	told, err = os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"metrics": text, "a profile": profile, "the log": string(told)} {
		if strings.Contains(text, secret) || strings.Contains(text, random) {
			t.Errorf("%s tell the secret of a link", where)
		}
	}
	if !strings.Contains(profile, "goroutine ") {
		t.Errorf("profile: %.200s", profile)
	}
	// Partners' listener shows none of it.
	for _, address := range []string{"/metrics", "/debug/pprof/"} {
		if status, body := get(string(base[1]) + address); status != http.StatusNotFound || strings.Contains(body, "feedmill_") {
			t.Errorf("partners see %s: %d", address, status)
		}
	}

	// What others reach is refused, and an address that is taken stops nothing.
	public := command("serve", "--server.metrics_listen", "0.0.0.0:0", "--role", "edge")
	if out, err := public.CombinedOutput(); err == nil || public.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "server.metrics_public") {
		t.Errorf("a public listener: %v\n%s", err, out)
	}
}
