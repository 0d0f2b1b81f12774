package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// program builds feedmill once, as it is built for the image.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "feedmill-deploy")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "feedmill")
	out, err := exec.Command("../scripts/build", path).CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// feedmill runs the real program with nothing in its environment but env.
func feedmill(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// process is one process that a file starts.
type process struct {
	where string
	args  []string
	env   map[string]string
	// mounted are the files that secrets become, by path.
	mounted []string
}

// compose is what the tests look at in compose.yaml.
type compose struct {
	Services map[string]struct {
		Image       string
		Build       struct{ Context, Dockerfile string }
		User        string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		SecurityOpt []string `yaml:"security_opt"`
		Grace       string   `yaml:"stop_grace_period"`
		Command     []string
		Environment map[string]string
		EnvFile     []string `yaml:"env_file"`
		Secrets     []string
		Volumes     []string
		Tmpfs       []string
		Ports       []string
		Deploy      struct{ Replicas int }
		Configs     []struct{ Source, Target string }
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Healthcheck struct{ Test []string }
	}
	Configs, Secrets map[string]struct{ File string }
	Volumes          map[string]any
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(read(t, "compose/compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// object is what the tests look at in objects of Kubernetes.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		Replicas     int
		MinAvailable int `yaml:"minAvailable"`
		Selector     any
		Ports        []struct {
			Port       int
			TargetPort string `yaml:"targetPort"`
		}
		Template struct {
			Metadata struct{ Labels, Annotations map[string]string }
			Spec     pod
		}
	}
	file string
}

type pod struct {
	Grace           int              `yaml:"terminationGracePeriodSeconds"`
	Token           *bool            `yaml:"automountServiceAccountToken"`
	SecurityContext map[string]any   `yaml:"securityContext"`
	Containers      []container      `yaml:"containers"`
	Volumes         []map[string]any `yaml:"volumes"`
}

type container struct {
	Name, Image string
	Args        []string
	Env         []struct{ Name, Value string }
	Ports       []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	Lifecycle struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
	Startup         probe          `yaml:"startupProbe"`
	Liveness        probe          `yaml:"livenessProbe"`
	Readiness       probe          `yaml:"readinessProbe"`
	Resources       map[string]any `yaml:"resources"`
	SecurityContext map[string]any `yaml:"securityContext"`
	Mounts          []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func readObjects(t *testing.T) []object {
	t.Helper()
	files, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var list []object
	for _, file := range files {
		dec := yaml.NewDecoder(strings.NewReader(read(t, file)))
		for {
			o := object{file: file}
			err := dec.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if o.Kind == "" || o.APIVersion == "" || o.Metadata.Name == "" {
				t.Errorf("%s: an object without kind, version or name: %+v", file, o)
			}
			if o.Kind != "Namespace" && o.Metadata.Namespace != "feedmill" {
				t.Errorf("%s: %s %s is in namespace %q", file, o.Kind, o.Metadata.Name, o.Metadata.Namespace)
			}
			list = append(list, o)
		}
	}
	return list
}

func find(t *testing.T, list []object, kind, name string) object {
	t.Helper()
	for _, o := range list {
		if o.Kind == kind && o.Metadata.Name == name {
			return o
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return object{}
}

// volume gives what is mounted under a name, as "kind name".
func volume(p *pod, name string) string {
	for _, v := range p.Volumes {
		if v["name"] != name {
			continue
		}
		if m, ok := v["configMap"].(map[string]any); ok {
			return "configMap " + m["name"].(string)
		}
		if m, ok := v["secret"].(map[string]any); ok {
			return "secret " + m["secretName"].(string)
		}
		if _, ok := v["emptyDir"]; ok {
			return "emptyDir"
		}
	}
	return ""
}

// processes lists every process of feedmill that either set of files starts.
func processes(t *testing.T) []process {
	t.Helper()
	var list []process
	c := readCompose(t)
	for name, s := range c.Services {
		if s.Build.Dockerfile == "" {
			continue
		}
		p := process{where: "compose " + name, args: s.Command, env: s.Environment}
		for _, secret := range s.Secrets {
			p.mounted = append(p.mounted, "/run/secrets/"+secret)
		}
		list = append(list, p)
	}
	objects := readObjects(t)
	for _, o := range objects {
		for _, c := range o.Spec.Template.Spec.Containers {
			p := process{where: o.file + " " + o.Metadata.Name, args: c.Args, env: map[string]string{}}
			for _, e := range c.Env {
				p.env[e.Name] = e.Value
			}
			for _, m := range c.Mounts {
				if name, ok := strings.CutPrefix(volume(&o.Spec.Template.Spec, m.Name), "secret "); ok {
					for key := range find(t, objects, "Secret", name).StringData {
						p.mounted = append(p.mounted, m.MountPath+"/"+key)
					}
				}
			}
			list = append(list, p)
		}
	}
	if len(list) < 7 {
		t.Fatalf("only %d processes were found: the search is broken", len(list))
	}
	return list
}
