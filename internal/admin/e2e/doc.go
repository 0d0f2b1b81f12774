// Package e2e tests the panel in a real browser: a merchant's day from the first
// owner to the audit, with and without scripts, and every page of the storybook
// at two widths, light and dark, for accessibility, weight and overflow.
//
// It owns the scripts that drive the browser and runs them against the program
// itself. It refuses to know how pages are made. The tests need Node and
// Chromium and take minutes, so they run only when asked for:
//
//	FEEDMILL_BROWSER=1 go test -v -timeout 30m ./internal/admin/e2e
//
// The npm packages are installed where they are missing, as package-lock.json
// names them, and so is Chromium unless one is found. Pictures of every page
// land in the folder shots, or where FEEDMILL_SHOTS says.
package e2e
