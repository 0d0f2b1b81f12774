package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// fault says what was being done and classifies what the server says. An error
// that has a kind already keeps it, and so does the end of the caller's context.
func fault(what string, err error) error {
	if err == nil {
		return nil
	}
	e := &feed.Error{Err: err, Message: what}
	var known *feed.Error
	var unknown *unknownError
	var gone *endedError
	var said *pgconn.PgError
	switch {
	case errors.As(err, &unknown):
		e.Kind, e.Message = feed.KindUnavailable, what+": the connection was lost while the change was being committed; it was made, or it was not"
		e.Hint = "look whether it was made before you repeat it"
	case errors.As(err, &known), errors.As(err, &gone):
		return fmt.Errorf("%s: %w", what, err)
	case errors.As(err, &said) && said.Code == "22P05" && strings.Contains(said.Message, "has no equivalent"):
		e.Kind, e.Message = feed.KindInvalid, what+": the database has no place for a character of a text: it was made for fewer than UTF8 has"
		e.Hint = utf8Hint
	case errors.As(err, &said) && (said.Code == "25006" || said.Code == "0A000" && strings.Contains(said.Message, "during recovery")):
		e.Kind, e.Message = feed.KindUnavailable, what+": the database takes no changes"
		e.Hint = standbyHint
	case errors.As(err, &said) && said.Code == "08P01" && strings.Contains(said.Message, "startup parameter"):
		e.Kind = feed.KindUnavailable
		e.Hint = "what answers is a pooler that refuses the settings of a connection: connect to the database directly, or set the pooler up for it (docs/operations.md, PostgreSQL)"
	case errors.As(err, &said) && classify(e, what, said.Code):
	case lost(err):
		e.Kind, e.Hint = feed.KindUnavailable, "the database does not answer: see whether its server runs, then try again"
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
	return e
}

const standbyHint = "it is a standby, or was set to be read only: name the primary (several hosts with target_session_attrs=read-write find it by themselves), or promote this one"

const utf8Hint = "make a database with createdb --encoding UTF8 --template template0, and move what there is with pg_dump and pg_restore"

// classify reads the server's code; false means that it is no everyday matter.
func classify(e *feed.Error, what, code string) bool {
	switch code {
	case "23505": // unique_violation
		e.Kind, e.Message, e.Err = feed.KindConflict, what+": it is taken already", partner.Taken(e.Err)
	case "23503": // foreign_key_violation
		e.Kind, e.Message = feed.KindConflict, what+": it names something that does not exist, or that others still need"
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		e.Kind, e.Message = feed.KindInvalid, what+": a text holds characters that no text may hold"
	case "42501": // insufficient_privilege
		e.Kind, e.Hint = feed.KindForbidden, "the database role of this process has no right to it: use the role meant for it, or grant its rights anew with feedmill migrate"
	case "28000", "28P01": // invalid_authorization_specification, invalid_password
		e.Kind, e.Hint = feed.KindUnavailable, "the database refuses the user or password: see the setting that names the database"
	case "3D000": // invalid_catalog_name
		e.Kind, e.Hint = feed.KindUnavailable, "make the database (createdb), then run feedmill migrate"
	case "42P01", "42703", "42883": // undefined_table, undefined_column, undefined_function
		e.Kind, e.Hint = feed.KindUnavailable, "the database lacks a part that its schema has, as after a restore that was not whole: see what pg_restore said, and restore it into an empty database (docs/operations.md, PostgreSQL)"
	case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
		e.Kind, e.Hint = feed.KindUnavailable, "others were changing the same: try again"
	case "57014": // query_canceled, and not by the caller
		e.Kind, e.Hint = feed.KindUnavailable, slowHint
	case "53100": // disk_full
		e.Kind, e.Hint = feed.KindUnavailable, "the database's disk is full: make room and try again"
	case "53200", "53300", "53400": // out_of_memory, too_many_connections, configuration_limit_exceeded
		e.Kind, e.Hint = feed.KindUnavailable, "the database has no room for another: raise its limits, or lower the number of connections"
	case "57P01", "57P02", "57P03", "25P03": // shutdowns, cannot_connect_now, idle_in_transaction_session_timeout
		e.Kind, e.Hint = feed.KindUnavailable, "the database is being restarted, or has ended the connection: try again"
	default:
		return false
	}
	return true
}

// lost says whether an error is one of the connection.
func lost(err error) bool {
	var none *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &none) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// errSlow is why a context ends that this package has bounded itself.
var errSlow = errors.New("it took longer than a call may")

// ended puts the context's error before what the server made of it. Where the
// caller would have waited on, it is the database that was too slow: another has
// locked what was needed, most likely.
func ended(ctx context.Context, err error) error {
	c := ctx.Err()
	if err == nil || c == nil {
		return err
	}
	var known *feed.Error
	if err = (&endedError{c, err}); context.Cause(ctx) == errSlow && !errors.As(err, &known) {
		return &feed.Error{Kind: feed.KindUnavailable, Message: "the database did not do it in time", Hint: slowHint, Err: err}
	}
	return err
}

const slowHint = "it took longer than a statement may: try again, or see what keeps the database busy"

// endedError is what a call came to whose context has ended.
type endedError struct{ cause, err error }

func (e *endedError) Error() string {
	if errors.Is(e.err, e.cause) {
		return e.err.Error()
	}
	return fmt.Sprintf("%v (%v)", e.cause, e.err)
}

func (e *endedError) Unwrap() []error { return []error{e.cause, e.err} }
