package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"feedmill/internal/auth"
	"feedmill/internal/config"
)

// Every command line, with every environment, is one that the program takes,
// and every setting has the value that it is given.
func TestProcesses(t *testing.T) {
	t.Parallel()
	known := map[string]string{"FEEDMILL_CONFIG": ""}
	for _, s := range (&config.Config{}).Settings() {
		known[config.EnvName(s.Key)] = s.Key
	}
	settings := map[string]string{
		"compose":    "compose/feedmill.toml",
		"kubernetes": settingsFile(t, find(t, readObjects(t), "ConfigMap", "feedmill").Data["feedmill.toml"]),
	}
	for _, p := range processes(t) {
		t.Run(p.where, func(t *testing.T) {
			t.Parallel()
			if _, stderr, err := feedmill(t, nil, append(slices.Clone(p.args), "--help")...); err != nil {
				t.Errorf("feedmill %s: %v\n%s", strings.Join(p.args, " "), err, stderr)
			}
			env := map[string]string{"FEEDMILL_CONFIG": settings["kubernetes"]}
			if strings.HasPrefix(p.where, "compose") {
				env["FEEDMILL_CONFIG"] = settings["compose"]
			}
			if p.env["FEEDMILL_CONFIG"] != "/etc/feedmill/feedmill.toml" || p.env["FEEDMILL_DATA"] != "/data" {
				t.Errorf("settings are read from %q, data kept in %q", p.env["FEEDMILL_CONFIG"], p.env["FEEDMILL_DATA"])
			}
			for name, value := range p.env {
				key, ok := known[name]
				if !ok && strings.HasPrefix(name, config.EnvPrefix) {
					t.Errorf("there is no setting %s", name)
				}
				if strings.HasSuffix(key, "_file") && !slices.Contains(p.mounted, value) {
					t.Errorf("%s names %s, which no secret is mounted at (%q)", name, value, p.mounted)
				}
				if key != "" {
					env[name] = value
				}
			}
			// What is mounted is used: a process has no secret that it does not need.
			for _, path := range p.mounted {
				used := false
				for _, value := range p.env {
					used = used || value == path
				}
				if !used {
					t.Errorf("%s is mounted and no setting names it", path)
				}
			}
			out, stderr, err := feedmill(t, env, "config", "--json")
			if err != nil {
				t.Fatalf("the settings do not load: %v\n%s", err, stderr)
			}
			var list []config.Setting
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, s := range list {
				got[s.Key] = s.Value
			}
			for name, value := range p.env {
				if key := known[name]; key != "" && got[key] != value {
					t.Errorf("%s is %q, want %q", key, got[key], value)
				}
			}
			for key, want := range map[string]string{"server.listen": "0.0.0.0:8080", "server.metrics_listen": "0.0.0.0:9464", "server.metrics_public": "true",
				"database.kind": "postgres", "store.kind": "s3", "store.bucket": "feedmill"} {
				if got[key] != want {
					t.Errorf("%s is %q, want %q", key, got[key], want)
				}
			}
		})
	}
}

func settingsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "feedmill.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The two files of settings say the same but for the names of hosts.
func TestSettingsAgree(t *testing.T) {
	t.Parallel()
	one, err := config.ReadFile("compose/feedmill.toml")
	if err != nil {
		t.Fatal(err)
	}
	other, err := config.ReadFile(settingsFile(t, find(t, readObjects(t), "ConfigMap", "feedmill").Data["feedmill.toml"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{"store.endpoint", "server.trusted_proxies"} {
		delete(one, place)
		delete(other, place)
	}
	if len(one) < 7 || len(one) != len(other) {
		t.Errorf("%d and %d settings", len(one), len(other))
	}
	for key, v := range one {
		if other[key] != v {
			t.Errorf("%s is %v and %v", key, v, other[key])
		}
	}
}

// The samples' secrets are refused, whichever process reads them first.
func TestSamplesAreRefused(t *testing.T) {
	t.Parallel()
	samples := 0
	for _, o := range readObjects(t) {
		if o.Kind != "Secret" {
			continue
		}
		for key, value := range o.StringData {
			samples++
			file := filepath.Join(t.TempDir(), key)
			if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			good := filepath.Join(t.TempDir(), "good")
			if err := os.WriteFile(good, []byte("real\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"FEEDMILL_DATA": t.TempDir(), "FEEDMILL_SERVER_LISTEN": "127.0.0.1:0", "FEEDMILL_SERVER_METRICS_LISTEN": ""}
			switch key {
			case "database-url":
				env["FEEDMILL_DATABASE_KIND"], env["FEEDMILL_DATABASE_URL_FILE"] = "postgres", file
			case "panel-key":
				env["FEEDMILL_PANEL_KEY_FILE"] = file
			default:
				env["FEEDMILL_STORE_KIND"], env["FEEDMILL_STORE_BUCKET"], env["FEEDMILL_STORE_ENDPOINT"] = "s3", "b", "http://127.0.0.1:1"
				for setting, path := range map[string]string{"ACCESS_KEY": "store-access-key", "SECRET_KEY": "store-secret-key", "DELETE_ACCESS_KEY": "store-delete-access-key", "DELETE_SECRET_KEY": "store-delete-secret-key"} {
					env["FEEDMILL_STORE_"+setting+"_FILE"] = good
					if path == key {
						env["FEEDMILL_STORE_"+setting+"_FILE"] = file
					}
				}
			}
			_, stderr, err := feedmill(t, env, "serve")
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(stderr, "CHANGE-ME") || !strings.Contains(stderr, "hint:") {
				t.Errorf("%s of %s: %v, %q, want it to be refused", key, o.Metadata.Name, err, stderr)
			}
		}
	}
	if samples < 8 {
		t.Errorf("only %d samples were found", samples)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	text := read(t, "compose/compose.yaml")
	for name, s := range c.Services {
		if !s.ReadOnly {
			t.Errorf("%s may write to its root", name)
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File != "secrets/"+secret {
				t.Errorf("%s: secret %s is the file %q", name, secret, c.Secrets[secret].File)
			}
		}
		for other := range s.DependsOn {
			if _, ok := c.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
		}
		if s.Build.Dockerfile == "" {
			continue
		}
		if s.User != "65532:65532" || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Grace != "30s" {
			t.Errorf("%s runs as %q, %v, %v, and has %s to end", name, s.User, s.CapDrop, s.SecurityOpt, s.Grace)
		}
		if len(s.Configs) != 1 || s.Configs[0].Target != "/etc/feedmill/feedmill.toml" || c.Configs[s.Configs[0].Source].File != "feedmill.toml" {
			t.Errorf("%s: settings are mounted as %+v", name, s.Configs)
		}
		if !slices.ContainsFunc(append(slices.Clone(s.Volumes), s.Tmpfs...), func(v string) bool { return v == "/data" || strings.HasPrefix(v, "/data:") }) {
			t.Errorf("%s cannot write to /data", name)
		}
		if want := []string{"CMD", "/usr/bin/feedmill", "health"}; s.Deploy.Replicas > 0 && (len(s.Healthcheck.Test) < 3 || !slices.Equal(s.Healthcheck.Test[:3], want)) {
			t.Errorf("%s is asked for its health by %q", name, s.Healthcheck.Test)
		}
		if len(s.Healthcheck.Test) > 2 {
			if _, stderr, err := feedmill(t, nil, append(slices.Clone(s.Healthcheck.Test[2:]), "--help")...); err != nil {
				t.Errorf("%s: %v\n%s", name, err, stderr)
			}
		}
	}
	for _, role := range []string{"edge", "worker"} {
		if s := c.Services[role]; s.Deploy.Replicas != 2 || !slices.Equal(s.Command, []string{"serve", "--role", role}) {
			t.Errorf("%s: %d of %q", role, s.Deploy.Replicas, s.Command)
		}
	}
	if s := c.Services["panel"]; s.Deploy.Replicas != 1 || !slices.Equal(s.Command, []string{"serve", "--role", "panel"}) || !slices.Equal(s.Ports, []string{"127.0.0.1:8083:8080"}) {
		t.Errorf("panel: %d of %q at %q", s.Deploy.Replicas, s.Command, s.Ports)
	}
	if got := c.Services["edge"].Ports; !slices.Equal(got, []string{"127.0.0.1:8081-8082:8080"}) || len(c.Services["worker"].Ports) != 0 {
		t.Errorf("ports %q", got)
	}
	if c.Services["migrate"].DependsOn["database"].Condition != "service_healthy" || c.Services["worker"].DependsOn["migrate"].Condition != "service_completed_successfully" {
		t.Error("processes do not wait for the schema")
	}
	if strings.Contains(text, "docker.sock") || strings.Contains(text, "privileged: true") {
		t.Error("a container has the machine")
	}
}

// Every secret that compose.yaml names is made, and what is there stays.
func TestMakeSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := filepath.Join(dir, "make-secrets")
	if err := os.WriteFile(script, []byte(read(t, "compose/make-secrets")), 0o755); err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		if out, err := exec.Command("sh", script).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	run()
	c := readCompose(t)
	first := map[string]string{}
	for name, s := range c.Secrets {
		first[name] = read(t, filepath.Join(dir, s.File))
	}
	if len(first) < 10 {
		t.Fatalf("%d secrets", len(first))
	}
	for _, s := range c.Services {
		for _, file := range s.EnvFile {
			if env := read(t, filepath.Join(dir, file)); !strings.Contains(env, strings.TrimSpace(first["store_secret_key"])) {
				t.Errorf("%s does not hold the store's key", file)
			}
		}
	}
	for _, role := range []string{"owner", "serve", "generate", "admin"} {
		password := strings.TrimSpace(first[role+"_password"])
		if want := "postgres://feedmill_" + role + ":" + password + "@database/feedmill?sslmode=disable\n"; first[role+"_url"] != want || len(password) != 48 {
			t.Errorf("the URL of %s is %q", role, first[role+"_url"])
		}
	}
	key := filepath.Join(dir, c.Secrets["panel_key"].File)
	if _, err := auth.OpenSealer(key); err != nil {
		t.Errorf("the key for second factors: %v", err)
	}
	if first["serve_password"] == first["admin_password"] {
		t.Error("two roles have one password")
	}
	run()
	for name, s := range c.Secrets {
		if got := read(t, filepath.Join(dir, s.File)); got != first[name] {
			t.Errorf("%s changes when the script is run again", name)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, "secrets")); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the folder of secrets: %v, %v", st.Mode(), err)
	}
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	objects := readObjects(t)
	for _, role := range []string{"edge", "worker"} {
		d := find(t, objects, "Deployment", "feedmill-"+role)
		p := d.Spec.Template.Spec
		c := p.Containers[0]
		if d.Spec.Replicas != 2 || !slices.Equal(c.Args, []string{"serve", "--role", role}) {
			t.Errorf("%s: %d of %q", role, d.Spec.Replicas, c.Args)
		}
		// The program needs 20 seconds, and the pause before it counts too.
		if p.Grace < 30 || p.Grace < c.Lifecycle.PreStop.Sleep.Seconds+25 {
			t.Errorf("%s has %d s to end, %d of them before the program is told", role, p.Grace, c.Lifecycle.PreStop.Sleep.Seconds)
		}
		if c.Liveness.HTTPGet.Path != "/healthz" || c.Startup.HTTPGet.Path != "/healthz" || c.Readiness.HTTPGet.Path != "/readyz" ||
			c.Liveness.HTTPGet.Port != "http" || c.Readiness.HTTPGet.Port != "http" {
			t.Errorf("%s: probes %+v %+v %+v", role, c.Startup, c.Liveness, c.Readiness)
		}
		ports := map[string]int{}
		for _, p := range c.Ports {
			ports[p.Name] = p.ContainerPort
		}
		if ports["http"] != 8080 || ports["metrics"] != 9464 || d.Spec.Template.Metadata.Annotations["prometheus.io/port"] != "9464" {
			t.Errorf("%s: ports %v", role, ports)
		}
		b := find(t, objects, "PodDisruptionBudget", "feedmill-"+role)
		if b.Spec.MinAvailable != 1 || !equal(b.Spec.Selector, d.Spec.Selector) || !equal(d.Spec.Selector, map[string]any{"matchLabels": d.Spec.Template.Metadata.Labels}) {
			t.Errorf("%s: budget %+v, selector %+v", role, b.Spec, d.Spec.Selector)
		}
	}
	for _, o := range objects {
		if len(o.Spec.Template.Spec.Containers) == 0 {
			continue
		}
		p := o.Spec.Template.Spec
		if p.SecurityContext["runAsNonRoot"] != true || p.SecurityContext["runAsUser"] != 65532 || p.Token == nil || *p.Token {
			t.Errorf("%s: %+v", o.Metadata.Name, p.SecurityContext)
		}
		for _, c := range p.Containers {
			s := c.SecurityContext
			if s["readOnlyRootFilesystem"] != true || s["allowPrivilegeEscalation"] != false || !equal(s["capabilities"], map[string]any{"drop": []any{"ALL"}}) {
				t.Errorf("%s: %+v", o.Metadata.Name, s)
			}
			if c.Resources["requests"] == nil || c.Resources["limits"] == nil {
				t.Errorf("%s has no bounds: %v", o.Metadata.Name, c.Resources)
			}
			mounts := map[string]string{}
			for _, m := range c.Mounts {
				mounts[m.MountPath] = volume(&p, m.Name)
				if m.MountPath != "/data" && !m.ReadOnly {
					t.Errorf("%s may write to %s", o.Metadata.Name, m.MountPath)
				}
			}
			if mounts["/etc/feedmill"] != "configMap feedmill" || mounts["/data"] != "emptyDir" {
				t.Errorf("%s: mounts %v", o.Metadata.Name, mounts)
			}
		}
	}
	panel := find(t, objects, "Deployment", "feedmill-panel")
	if args := panel.Spec.Template.Spec.Containers[0].Args; panel.Spec.Replicas != 1 || !slices.Equal(args, []string{"serve", "--role", "panel"}) ||
		!equal(find(t, objects, "Service", "feedmill-panel").Spec.Selector, panel.Spec.Template.Metadata.Labels) {
		t.Errorf("panel: %d of %q", panel.Spec.Replicas, args)
	}
	service := find(t, objects, "Service", "feedmill")
	edge := find(t, objects, "Deployment", "feedmill-edge")
	if !equal(service.Spec.Selector, edge.Spec.Template.Metadata.Labels) || service.Spec.Ports[0].TargetPort != "http" {
		t.Errorf("service %+v", service.Spec)
	}
	if find(t, objects, "Job", "feedmill-migrate").Spec.Template.Spec.Containers[0].Args[0] != "migrate" {
		t.Error("the job does not migrate")
	}
}

func equal(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}

// The image agrees with what starts it, and the script that it is built by works.
func TestImage(t *testing.T) {
	t.Parallel()
	file := read(t, "Dockerfile")
	for _, line := range []string{"FROM scratch", "USER 65532:65532", "EXPOSE 8080 9464", "VOLUME /data", `ENTRYPOINT ["/usr/bin/feedmill"]`,
		"ENV FEEDMILL_DATA=/data FEEDMILL_CONFIG=/etc/feedmill/feedmill.toml", "RUN ./scripts/build /out/feedmill && mkdir /out/data"} {
		if !strings.Contains(file, "\n"+line+"\n") {
			t.Errorf("the Dockerfile has no line %q", line)
		}
	}
	mod := read(t, "../go.mod")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(mod)[1]
	if !strings.Contains(file, "FROM golang:"+version+" AS build") {
		t.Errorf("the image is not built with Go %s, which go.mod names", version)
	}
	for _, file := range []string{"Dockerfile", "compose/compose.yaml", "compose/make-secrets", "compose/roles.sh"} {
		// Whatever reads a script runs it, so its first line must be a shell that is there.
		if text := read(t, file); strings.Contains(text, "\r") {
			t.Errorf("%s has Windows line ends", file)
		}
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	info, err := exec.Command("go", "version", "-m", path).CombinedOutput()
	if err != nil || !bytes.Contains(info, []byte("CGO_ENABLED=0")) || !bytes.Contains(info, []byte("-trimpath=true")) {
		t.Errorf("built as %v\n%s", err, info)
	}
	if said, _, err := feedmill(t, nil, "version"); err != nil || !strings.HasPrefix(said, "feedmill ") {
		t.Errorf("it says %q, %v", said, err)
	}
}

// The operator's page names files, ports and commands that are there.
func TestDocumented(t *testing.T) {
	t.Parallel()
	page := read(t, "../docs/operations.md")
	for _, part := range []string{"127.0.0.1:8081 and 8082", "127.0.0.1:8083", "server.public_url", "user 65532", "127.0.0.1:9464", "deploy/kubernetes", "deploy/Dockerfile", "scripts/build"} {
		if !strings.Contains(page, part) {
			t.Errorf("docs/operations.md does not mention %q", part)
		}
	}
	for _, m := range regexp.MustCompile(`-f (?:my-secrets|([\w-]+))\.yaml`).FindAllStringSubmatch(page, -1) {
		if m[1] == "" {
			continue
		}
		if _, err := os.Stat("kubernetes/" + m[1] + ".yaml"); err != nil {
			t.Error(err)
		}
	}
	commands := map[string]bool{}
	for _, m := range regexp.MustCompile("`feedmill ([a-z][a-z-]*(?: [a-z][a-z-]*)?)").FindAllStringSubmatch(page, -1) {
		commands[m[1]] = true
	}
	if len(commands) < 8 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	for command := range commands {
		if _, stderr, err := feedmill(t, nil, append(strings.Fields(command), "--help")...); err != nil {
			t.Errorf("docs/operations.md names feedmill %s: %v\n%s", command, err, stderr)
		}
	}
	settings := map[string]bool{}
	for _, s := range (&config.Config{}).Settings() {
		settings[s.Key] = true
	}
	for _, m := range regexp.MustCompile("`((?:server|database|store|feeds|jobs|validate|log)\\.[a-z_]+)`").FindAllStringSubmatch(page, -1) {
		if !settings[m[1]] {
			t.Errorf("docs/operations.md names the setting %s, which does not exist", m[1])
		}
	}
}
