// Package config holds every setting of the program in one typed struct and
// reads it from a TOML file; the environment overrides the file and flags
// override both. It also reads profile files.
//
// It refuses to know what the settings are for: values are handed over, and no
// package below the commands reads a setting by itself. Secrets stand in files
// of their own, which settings name; no secret is ever part of this struct.
package config

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Config is every setting. The tags give flag names, defaults and help; the
// key in the file is the flag's name (`server.listen` is key listen of table
// server), the environment variable the same in capitals (FEEDMILL_SERVER_LISTEN).
type Config struct {
	Data   string `toml:"data" default:"feedmill-data" help:"Folder of the embedded database and of stored files."`
	Server Server `toml:"server" embed:"" prefix:"server."`
	// Database is about the records.
	Database Database `toml:"database" embed:"" prefix:"database."`
	Store    Store    `toml:"store" embed:"" prefix:"store."`
	Feeds    Feeds    `toml:"feeds" embed:"" prefix:"feeds."`
	// Jobs is about what workers do in the background.
	Jobs Jobs `toml:"jobs" embed:"" prefix:"jobs."`
	// Limits bound what one partner's link or one address may use.
	Limits Limits `toml:"limits" embed:"" prefix:"limits."`
	// Cache is about local copies of what lies in a distant store.
	Cache Cache `toml:"cache" embed:"" prefix:"cache."`
	// Validate is about the check of foreign files over HTTP.
	Validate Validate `toml:"validate" embed:"" prefix:"validate."`
	// Outbound is about requests to addresses that others have given.
	Outbound Outbound `toml:"outbound" embed:"" prefix:"outbound."`
	// Panel is about the pages for people.
	Panel Panel `toml:"panel" embed:"" prefix:"panel."`
	// API is about what programs of the merchant may ask for.
	API API `toml:"api" embed:"" prefix:"api."`
	Log Log `toml:"log" embed:"" prefix:"log."`
}

// Jobs says when files are made, and how many jobs run at a time.
type Jobs struct {
	PublishEvery time.Duration `toml:"publish_every" name:"publish_every" default:"1m" help:"How long after a change what has changed is published at the latest; 0 publishes at once, and a negative time leaves it to 'feedmill publish'. Give all processes the same."`

	Workers     int           `toml:"workers" default:"2" help:"Publications that this process works on at a time."`
	Upkeep      int           `toml:"upkeep" default:"1" help:"Sweeps that this process works on at a time."`
	PerMerchant int           `toml:"per_merchant" name:"per_merchant" default:"1" help:"Jobs of one merchant that run at a time, in all processes; give all of them the same."`
	FullAt      time.Duration `toml:"full_at" name:"full_at" default:"3h" help:"Time of day, in the merchant's zone, at which a full file replaces one with change files beside it; negative leaves it to age and share of changes."`
}

// Limits say how much of the server one link or one address may use; 0 means no
// limit. They are far above what importers do.
type Limits struct {
	GatewaysPerLink    int `toml:"gateways_per_link" name:"gateways_per_link" default:"60" help:"Reads of gateway and manifest in a minute by one link."`
	FilesPerLink       int `toml:"files_per_link" name:"files_per_link" default:"600" help:"Requests for other files in a minute by one link."`
	WholesPerDay       int `toml:"wholes_per_day" name:"wholes_per_day" default:"300" help:"How often a link may fetch the same full file in a day; parts count by their bytes."`
	RunningPerLink     int `toml:"running_per_link" name:"running_per_link" default:"32" help:"Downloads of one link that run at a time."`
	GatewaysPerAddress int `toml:"gateways_per_address" name:"gateways_per_address" default:"3000" help:"Reads of gateway and manifest in a minute from one address."`
	FilesPerAddress    int `toml:"files_per_address" name:"files_per_address" default:"30000" help:"Requests for other files in a minute from one address."`
	RunningPerAddress  int `toml:"running_per_address" name:"running_per_address" default:"1024" help:"Downloads to one address that run at a time."`
	Running            int `toml:"running" default:"10000" help:"Downloads that run at a time in this process."`
}

// Cache says where, and how many, copies of stored files are kept when the store
// is not a folder.
type Cache struct {
	Folder   string `toml:"folder" default:"" help:"Folder of local copies of files that lie in S3; empty takes cache below data."`
	MaxBytes int64  `toml:"max_bytes" name:"max_bytes" default:"10737418240" help:"Disk that the copies may use; 0 keeps none."`
}

// Panel says where people reach the panel and the portal. Passwords need https:
// at another address than the machine's own the panel is not shown without it.
type Panel struct {
	Enabled   bool   `toml:"enabled" default:"true" negatable:"" help:"Answer /panel/: pages for the merchant's and the partners' people."`
	PublicURL string `toml:"public_url" name:"public_url" default:"" help:"Address under which people reach the panel, such as https://panel.example.com; empty takes server.public_url, or the listening address."`
	Hosts     string `toml:"hosts" default:"" help:"Further names under which the panel answers, separated by commas."`
	KeyFile   string `toml:"key_file" name:"key_file" default:"" help:"File that holds the key by which second factors are sealed; empty takes panel.key below data, which is made where it is missing. It holds 32 bytes, or 64 hexadecimal digits; all processes need the same."`
}

// API says whether programs of the merchant are answered, and how often.
type API struct {
	Enabled          bool `toml:"enabled" default:"true" negatable:"" help:"Answer /api/v1/: the management API, for programs with a key."`
	PerMinute        int  `toml:"per_minute" name:"per_minute" default:"600" help:"Requests that one key may make in a minute; 0 means no limit."`
	Burst            int  `toml:"burst" default:"100" help:"Requests that one key may make at once."`
	RefusedPerMinute int  `toml:"refused_per_minute" name:"refused_per_minute" default:"60" help:"Requests without a valid key from one address in a minute, before it is not listened to; 0 means no limit."`
}

// Validate says whether anybody may have files checked over HTTP.
type Validate struct {
	Enabled   bool  `toml:"enabled" default:"false" help:"Answer /validate: anybody who reaches the server may have files checked."`
	MaxBytes  int64 `toml:"max_bytes" name:"max_bytes" default:"67108864" help:"Largest file that is checked over HTTP."`
	PerMinute int   `toml:"per_minute" name:"per_minute" default:"10" help:"Files that one address may have checked in a minute."`
}

// Outbound says how suppliers' and partners' addresses are reached, which
// 'feedmill mirror', 'validate' and 'verify' fetch files from.
type Outbound struct {
	Proxy         string `toml:"proxy" default:"" help:"Proxy that makes the connections of mirror, validate and verify, such as http://proxy.internal:3128; empty makes them directly. It is told addresses that were judged, and opens none that would be refused. Variables such as HTTPS_PROXY are not looked at."`
	ProxyAuthFile string `toml:"proxy_auth_file" name:"proxy_auth_file" default:"" help:"File that holds user:password for the proxy; empty sends none."`
}

// Server says where and how offers are served.
type Server struct {
	Listen    string `toml:"listen" default:"127.0.0.1:8080" help:"Address that partners' requests are answered on."`
	PublicURL string `toml:"public_url" name:"public_url" default:"" help:"Address under which partners reach the server, such as https://feeds.example.com; empty takes the listening address, and where that is every address of this machine the host that a request names."`
	// TrustedProxies are believed when they say where a request comes from.
	TrustedProxies string `toml:"trusted_proxies" name:"trusted_proxies" default:"" help:"Networks of proxies before the server, such as '10.0.0.0/8, 192.0.2.7': what they add to X-Forwarded-For is believed."`
	// GraceSeconds bounds what a process believes when it is cut off.
	GraceSeconds int `toml:"grace_seconds" name:"grace_seconds" default:"60" help:"How many seconds partners are still served when the database does not confirm the switches; 0 stops at once."`
	// Metrics are shown apart from everything that partners reach.
	MetricsListen string `toml:"metrics_listen" name:"metrics_listen" default:"127.0.0.1:9464" help:"Address that metrics and profiles are shown on; empty shows none."`
	MetricsPublic bool   `toml:"metrics_public" name:"metrics_public" default:"false" help:"Let metrics_listen be an address that other machines reach; profiles stay for this machine alone."`
}

// Database says where the records are kept.
type Database struct {
	Kind    string `toml:"kind" default:"sqlite" enum:"sqlite,postgres" help:"Where the records are kept: sqlite (one file below data) or postgres."`
	URLFile string `toml:"url_file" name:"url_file" default:"" help:"postgres: file that holds the connection URL, password included."`
}

// Store says where files are kept.
type Store struct {
	Kind       string `toml:"kind" default:"folder" enum:"folder,s3" help:"Where files are kept: folder (below data) or s3."`
	Endpoint   string `toml:"endpoint" default:"" help:"S3: address of the service."`
	Region     string `toml:"region" default:"us-east-1" help:"S3: region."`
	Bucket     string `toml:"bucket" default:"" help:"S3: bucket."`
	PathStyle  bool   `toml:"path_style" name:"path_style" default:"true" negatable:"" help:"S3: put the bucket into the path, as most services other than AWS want it."`
	AccessFile string `toml:"access_key_file" name:"access_key_file" default:"" help:"S3: file that holds the access key id."`
	SecretFile string `toml:"secret_key_file" name:"secret_key_file" default:"" help:"S3: file that holds the secret key."`
	// A temporary key has a token, and is replaced in time by whoever writes the file.
	SessionFile     string `toml:"session_token_file" name:"session_token_file" default:"" help:"S3: file that holds the session token of a temporary key; empty sends none. The files of keys are read again every minute, and when the store refuses the key."`
	CredentialsFile string `toml:"credentials_file" name:"credentials_file" default:"" help:"S3: file with keys in the form of ~/.aws/credentials, in place of the files of their parts. It is read again like those."`
	Profile         string `toml:"profile" default:"" help:"S3: profile of the credentials file; empty takes the one that is called default."`
	// A second key lets what publishes be unable to delete.
	DeleteAccessFile  string `toml:"delete_access_key_file" name:"delete_access_key_file" default:"" help:"S3: file that holds the id of the key that sweeps delete with; empty takes the other key."`
	DeleteSecretFile  string `toml:"delete_secret_key_file" name:"delete_secret_key_file" default:"" help:"S3: file that holds the secret key that sweeps delete with."`
	DeleteSessionFile string `toml:"delete_session_token_file" name:"delete_session_token_file" default:"" help:"S3: file that holds the session token of the key that sweeps delete with; empty sends none."`
	DeleteProfile     string `toml:"delete_profile" name:"delete_profile" default:"" help:"S3: profile of the credentials file that sweeps delete with; empty takes the other key."`
}

// Feeds sets the rhythm of the files.
type Feeds struct {
	FullEvery time.Duration `toml:"full_every" name:"full_every" default:"24h" help:"How old a full file may grow while change files are listed beside it."`
	FullShare int           `toml:"full_share" name:"full_share" default:"30" help:"Percentage of products changed since the last full file at which a new one is made at once; from 1."`
	Validity  time.Duration `toml:"validity" default:"168h" help:"How long a generation is declared valid; it is renewed before half of it has passed."`
	// LightEvery and ChangeEvery set the pace, CompareEvery the cross-check.
	LightEvery   time.Duration `toml:"light_every" name:"light_every" default:"0s" help:"How old a light file must be before a change makes the next one."`
	ChangeEvery  time.Duration `toml:"change_every" name:"change_every" default:"30m" help:"How old the last full or change file must be before a change makes the next one."`
	CompareEvery time.Duration `toml:"compare_every" name:"compare_every" default:"24h" help:"How often each feed is compared with the whole catalog, whatever is known to have changed."`
	ChainKeep    time.Duration `toml:"chain_keep" name:"chain_keep" default:"168h" help:"How long change files stay listed."`
	GoneKeep     time.Duration `toml:"gone_keep" name:"gone_keep" default:"336h" help:"How long a product that left an offer stays in light with quantity 0."`
	MaxPriceMove int           `toml:"max_price_move" name:"max_price_move" default:"50" help:"Percentage by which the mean price of a light feed may move before its generation is held, from 1; negative holds nothing."`
	MaxLoss      int           `toml:"max_loss" name:"max_loss" default:"20" help:"Percentage of products that a generation may lose before it is held, from 1; 100 holds nothing, not even a first one without products."`
	Offset       string        `toml:"utc_offset" name:"utc_offset" default:"+00:00" help:"Fixed offset from UTC, such as +01:00, in which 'feedmill generate' tells times and with which new merchants begin."`
}

// Log says what is logged.
type Log struct {
	Level  string `toml:"level" default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: debug, info, warn or error."`
	Format string `toml:"format" default:"text" enum:"text,json" help:"text or json."`
}

// ZoneOffset reads [Feeds].Offset.
func (f *Feeds) ZoneOffset() (time.Duration, error) {
	t, err := time.Parse("-07:00", f.Offset)
	if err != nil {
		return 0, fmt.Errorf("feeds.utc_offset %q: want a fixed offset such as +01:00", f.Offset)
	}
	_, sec := t.Zone()
	return time.Duration(sec) * time.Second, nil
}

// EnvPrefix starts the name of every environment variable.
const EnvPrefix = "FEEDMILL_"

// EnvName gives the environment variable of a key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// File is the settings that a file holds, by key.
type File map[string]any

// ReadFile reads a settings file. Unknown keys and values of another kind than
// their key wants are errors that name file, line and column; all are told at once.
func ReadFile(path string) (File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	t, err := readText(data)
	if err == nil {
		err = t.check(reflect.TypeFor[Config]())
	}
	if err != nil {
		return nil, inFile("settings file "+path, err)
	}
	f := File{}
	f.flatten("", t.raw)
	return f, nil
}

func (f File) flatten(prefix string, table map[string]any) {
	for k, v := range table {
		if sub, ok := v.(map[string]any); ok {
			f.flatten(prefix+k+".", sub)
			continue
		}
		f[prefix+k] = v
	}
}

// Setting is one setting, for listings.
type Setting struct {
	Key, Default, Value, Help string
}

// TOML gives the value as a settings file writes it.
func (s Setting) TOML() string {
	switch _, err := strconv.ParseInt(s.Value, 10, 64); {
	case err == nil, s.Value == "true", s.Value == "false":
		return s.Value
	}
	return strconv.Quote(s.Value)
}

// Settings lists every setting of c in the order of the struct.
func (c *Config) Settings() []Setting {
	var out []Setting
	walk("", reflect.ValueOf(c).Elem(), &out)
	return out
}

func walk(prefix string, v reflect.Value, out *[]Setting) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := prefix + f.Tag.Get("toml")
		if f.Type.Kind() == reflect.Struct {
			walk(key+".", v.Field(i), out)
			continue
		}
		*out = append(*out, Setting{Key: key, Default: f.Tag.Get("default"), Value: fmt.Sprint(v.Field(i).Interface()), Help: f.Tag.Get("help")})
	}
}
