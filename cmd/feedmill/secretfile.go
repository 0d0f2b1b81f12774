package main

import (
	"fmt"
	"os"
	"strings"

	"feedmill/feed"
)

// placeholders stand in samples where a secret belongs.
var placeholders = []string{"CHANGE-ME", ":PASSWORD@"}

// secretFile reads a secret from the file that a setting names. One that is
// empty, or still what a sample says, is refused.
func secretFile(setting, path, hint string) (string, error) {
	if path == "" {
		return "", &feed.Error{Kind: feed.KindInvalid, Message: "setting " + setting + " is missing", Hint: hint}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("setting %s: %w", setting, err)
	}
	// Editors of Windows put a mark before the text that nobody sees.
	secret := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	if secret == "" {
		return "", &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("setting %s: the file %s is empty", setting, path), Hint: hint}
	}
	if p := placeholderIn(secret); p != "" {
		return "", &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("setting %s: the file %s still holds the sample's %s", setting, path, p),
			Hint: "put the real secret there"}
	}
	return secret, nil
}

// placeholderIn gives the placeholder that a secret still is; "" for none.
func placeholderIn(secret string) string {
	for _, p := range placeholders {
		if strings.Contains(secret, p) {
			return strings.Trim(p, ":@")
		}
	}
	return ""
}
