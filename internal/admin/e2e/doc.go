// Package e2e tests the panel in a real browser: a merchant's day from the first
// owner to the audit and the partner's portal, with and without scripts, and
// every page of the storybook, all at two widths, light and dark, for
// accessibility, weight and overflow.
//
// It owns the scripts that drive the browser and runs them against the program
// itself. It refuses to know how pages are made. The tests need Node, the
// packages that package-lock.json names and Chromium, and fail where one is
// missing; scripts/test installs them. They take minutes, so that the short run
// leaves them out. To keep the pictures of all pages:
//
//	go test -v -timeout 30m ./internal/admin/e2e -shots FOLDER
package e2e
