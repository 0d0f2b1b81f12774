package main

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/storage/s3store"
)

// keyReader reads a key of the store from where the settings say it stands, and
// says which setting that is.
type keyReader struct {
	setting string
	read    func() (s3store.Key, error)
}

// storeKeys gives what reads the key of the store, and that of sweeps; no setting
// names the latter where they have none of their own.
func storeKeys(s *config.Store) (key, sweeps keyReader, err error) {
	both := func(a, b string) error {
		return &feed.Error{Kind: feed.KindInvalid, Message: "settings " + a + " and " + b + " are both given", Hint: "a key stands in files of its own or in a credentials file: leave one of the two out"}
	}
	alone := func(a string) error {
		return &feed.Error{Kind: feed.KindInvalid, Message: "setting " + a + " is given, and store.credentials_file is not", Hint: "a profile stands in the credentials file that store.credentials_file names"}
	}
	files := s.AccessFile + s.SecretFile + s.SessionFile
	deleteFiles := s.DeleteAccessFile + s.DeleteSecretFile + s.DeleteSessionFile
	switch {
	case s.CredentialsFile != "" && files != "":
		return key, sweeps, both("store.credentials_file", "store.access_key_file, store.secret_key_file or store.session_token_file")
	case s.CredentialsFile == "" && s.Profile != "":
		return key, sweeps, alone("store.profile")
	case s.CredentialsFile == "" && s.DeleteProfile != "":
		return key, sweeps, alone("store.delete_profile")
	case s.DeleteProfile != "" && deleteFiles != "":
		return key, sweeps, both("store.delete_profile", "store.delete_access_key_file, store.delete_secret_key_file or store.delete_session_token_file")
	}
	if s.CredentialsFile != "" {
		key = keyReader{"store.credentials_file", func() (s3store.Key, error) { return profileKey(s.CredentialsFile, s.Profile) }}
	} else {
		key = keyOfFiles("", s.AccessFile, s.SecretFile, s.SessionFile)
	}
	switch {
	case s.DeleteProfile != "":
		sweeps = keyReader{"store.delete_profile", func() (s3store.Key, error) { return profileKey(s.CredentialsFile, s.DeleteProfile) }}
	case deleteFiles != "":
		sweeps = keyOfFiles("delete_", s.DeleteAccessFile, s.DeleteSecretFile, s.DeleteSessionFile)
	}
	return key, sweeps, nil
}

// keyOfFiles reads a key of which each part has a file of its own.
func keyOfFiles(prefix, access, secret, session string) keyReader {
	return keyReader{"store." + prefix + "access_key_file", func() (k s3store.Key, err error) {
		if k.Access, err = secretFile("store."+prefix+"access_key_file", access, ""); err != nil {
			return k, err
		}
		if k.Secret, err = secretFile("store."+prefix+"secret_key_file", secret, ""); err != nil || session == "" {
			return k, err
		}
		k.Session, err = secretFile("store."+prefix+"session_token_file", session, "")
		return k, err
	}}
}

// profileKey reads a key from a file in the form that tools of AWS share, which
// others write too: [profile], and below it lines such as aws_access_key_id = ….
// Where several lines say the same the last one counts, as there.
func profileKey(path, profile string) (k s3store.Key, err error) {
	if profile == "" {
		profile = "default"
	}
	bad := func(hint, format string, args ...any) error {
		return &feed.Error{Kind: feed.KindInvalid, Message: "setting store.credentials_file: the file " + path + " " + fmt.Sprintf(format, args...), Hint: hint}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return k, fmt.Errorf("setting store.credentials_file: %w", err)
	}
	profiles := map[string]map[string]string{}
	var values map[string]string // of the profile under way
	scan := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		name, value, isPair := strings.Cut(line, "=")
		switch {
		case line == "", line[0] == '#', line[0] == ';':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			name = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line[1:len(line)-1]), "profile "))
			if profiles[name] == nil {
				profiles[name] = map[string]string{}
			}
			values = profiles[name]
		case !isPair || values == nil: // which is not repeated: it may be a secret
			return k, bad("it has lines such as [default], aws_access_key_id = … and aws_secret_access_key = …", "has a line %d that is neither a profile nor a value below one", n)
		default:
			values[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
	}
	if err := scan.Err(); err != nil {
		return k, fmt.Errorf("setting store.credentials_file: read %s: %w", path, err)
	}
	values, ok := profiles[profile]
	if !ok {
		return k, bad("store.profile and store.delete_profile name one of them", "has no profile %q; it has %q", profile, slices.Sorted(maps.Keys(profiles)))
	}
	k = s3store.Key{Access: values["aws_access_key_id"], Secret: values["aws_secret_access_key"], Session: values["aws_session_token"]}
	for _, name := range []string{"aws_access_key_id", "aws_secret_access_key"} {
		if values[name] == "" {
			return s3store.Key{}, bad("the key itself has to stand there: roles, programs and sign-ins that a profile names are not followed; 'aws configure export-credentials' gives the key of one", "has no %s in the profile %q", name, profile)
		}
	}
	for _, value := range []string{k.Access, k.Secret, k.Session} {
		if p := placeholderIn(value); p != "" {
			return s3store.Key{}, bad("put the real secret there", "still holds the sample's %s", p)
		}
	}
	return k, nil
}
