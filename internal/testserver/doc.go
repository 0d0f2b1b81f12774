// Package testserver starts real S3 servers on loopback for tests: versitygw,
// and rclone's, which shares no code with it.
//
// It owns building, starting and stopping them; it refuses to know the store
// under test. The programs are built once and kept in the folder that the
// environment variable FEEDMILL_TEST_CACHE names, or in feedmill-test inside
// the user's cache folder. The first build downloads and takes minutes; start
// the tests with -timeout 20m then. Tests that need a server are skipped only
// with -short; a server that cannot be built or started fails them.
package testserver
