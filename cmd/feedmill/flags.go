package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"feedmill/feed"
	"feedmill/feed/publish/folder"
	"feedmill/internal/config"
)

const description = `feedmill turns a wholesaler's product catalog into IOF 3.0 offer files for partner
shops, stores them and serves them, each partner behind a switch of his own.

Exit status: 0 done; 1 the input or the state of things stands against it; 2 the
command line is wrong; 3 the machine or a part of it failed.`

// settingKeys lists the keys of all settings, which are flags of every command.
// Each flag of a command is looked up in it.
var settingKeys = sync.OnceValue(func() (keys []string) {
	for _, s := range (&config.Config{}).Settings() {
		keys = append(keys, s.Key)
	}
	return keys
})

// tidyFlags gives each setting's flag its environment variable and keeps it
// out of the help texts, which 'feedmill config' replaces.
func tidyFlags(k *kong.Kong) error {
	keys := settingKeys()
	for _, f := range k.Model.Flags {
		if slices.Contains(keys, f.Name) {
			f.Envs = []string{config.EnvName(f.Name)}
			f.Tag.Envs = f.Envs
			f.Hidden = f.Name != "data"
		}
	}
	return nil
}

// settingsResolver gives settings the values of the settings file, where
// neither a flag nor the environment has set them.
type settingsResolver struct {
	loaded bool
	file   config.File
	err    error // reading it
}

// Validate implements kong.Resolver.
func (r *settingsResolver) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (r *settingsResolver) Resolve(kctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !slices.Contains(settingKeys(), flag.Name) {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, ok := os.LookupEnv(env); ok {
			return nil, nil
		}
	}
	if !r.loaded {
		r.loaded = true
		if path := configPath(kctx); path != "" {
			r.file, r.err = config.ReadFile(path)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	v, ok := r.file[flag.Name]
	if !ok {
		return nil, nil
	}
	return fmt.Sprint(v), nil
}

// configPath gives the settings file that flag or environment name.
func configPath(kctx *kong.Context) string {
	for _, f := range kctx.Flags() {
		if f.Name == "config" {
			if s, ok := kctx.FlagValue(f).(string); ok && s != "" {
				return s
			}
		}
	}
	return os.Getenv("FEEDMILL_CONFIG")
}

// ofServices are the variables by which Kubernetes tells each container of the
// services beside it: one that is named feedmill has ours begin as settings do.
var ofServices = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// checkEnvironment refuses variables that are settings but for a slip: without
// the setting that was meant another database may be made, or a proxy not be
// known. What is like no setting is somebody else's.
func checkEnvironment(environ []string) error {
	known := []string{"CONFIG"}
	for _, key := range settingKeys() {
		known = append(known, strings.TrimPrefix(config.EnvName(key), config.EnvPrefix))
	}
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		rest, ours := strings.CutPrefix(name, config.EnvPrefix)
		if !ours || slices.Contains(known, rest) || ofServices.MatchString(name) {
			continue
		}
		near := feed.Nearest(rest, slices.Values(known))
		if file := rest + "_FILE"; slices.Contains(known, file) {
			near = file // secrets are given by files
		}
		if near != "" {
			return misused("the environment names a setting that there is not, "+name, "did you mean "+config.EnvPrefix+near+"?")
		}
	}
	return nil
}

// tidyAddresses checks the addresses under which people come here and writes them
// as browsers do. Partners are given what begins with them, so that one without
// https:// would lead nobody anywhere.
func tidyAddresses(cfg *config.Config) error {
	for _, s := range []struct {
		key   string
		value *string
	}{{"server.public_url", &cfg.Server.PublicURL}, {"panel.public_url", &cfg.Panel.PublicURL}} {
		*s.value = feed.LowerAddress(strings.TrimSpace(*s.value))
		if err := feed.CheckASCII(*s.value); err != nil {
			return misused(fmt.Sprintf("setting %s: %q: %v", s.key, *s.value, err), feed.HintOf(err))
		}
		if err := folder.CheckBaseURL(*s.value); err != nil {
			return misused(fmt.Sprintf("setting %s: %q is not an http or https address without query", s.key, *s.value), "give one such as https://feeds.example.com")
		}
	}
	return nil
}

// newLogger makes the logger that the settings ask for.
func newLogger(l *config.Log, to io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // the flag's enum lets nothing else through
	}
	opt := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, opt))
	}
	return slog.New(slog.NewTextHandler(to, opt))
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// configCmd prints the settings.
type configCmd struct {
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (configCmd) Help() string {
	return `Prints every setting with its value in force, as a settings file that can be kept: comments tell
what a setting means, its default and its environment variable. Settings stand, weakest first, in
the file named by --config, in the environment, and in flags such as --server.listen. A variable
whose name is that of a setting but for a slip is refused.

Example: feedmill config > feedmill.toml`
}

// Run implements the command.
func (c *configCmd) Run(w *world, cfg *config.Config) error {
	if c.JSON {
		return writeJSON(w.stdout, cfg.Settings())
	}
	table := ""
	for _, s := range cfg.Settings() {
		key := s.Key
		if t, k, ok := strings.Cut(s.Key, "."); ok {
			if t != table {
				fmt.Fprintf(w.stdout, "[%s]\n", t)
				table = t
			}
			key = k
		}
		fmt.Fprintf(w.stdout, "# %s\n# Default %q, environment %s.\n%s = %s\n\n", s.Help, s.Default, config.EnvName(s.Key), key, s.TOML())
	}
	return nil
}
