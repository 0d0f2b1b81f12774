// Package auth is who may come in: people's accounts and their passwords, second
// factors, sessions and one-time codes, and what slows guessing down.
//
// It owns how a secret of a person is checked and kept: passwords as argon2id
// hashes that carry their parameters, session ids, codes and recovery codes as
// hashes, the second factor's key sealed with a key that is not in the database.
// It says who somebody is. It refuses to know what he may do (internal/manage
// decides that), how a page or a cookie looks, and which database keeps the
// records.
package auth
