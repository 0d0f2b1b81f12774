// Package csvlex reads delimited records (RFC 4180): strict quotes, line
// numbers, limits, and memory that is reused.
//
// It owns quoting, UTF-8 and the limits on records and fields. It refuses to
// know what a column means. Records without any text (blank lines) are skipped.
package csvlex

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"
	"unsafe"

	"feedmill/feed/catalog/internal/lines"
)

// Record is one record; its memory is reused by the next read into it.
type Record struct {
	// Fields are the values with quotes undone and line ends as LF.
	Fields []string
	// Line is the number of the line on which the record starts.
	Line int64
	// Open says that nothing ends the last field, neither a quote nor a line end:
	// the file may have been cut off within it.
	Open bool

	buf  []byte
	ends []int
}

// Size gives the bytes of text in the record.
func (r *Record) Size() int { return len(r.buf) }

// Error is a record that cannot be read; reading may go on behind it.
type Error struct {
	// Line is where the mistake is, Field counts the fields from 1.
	Line  int64
	Field int
	// Offset counts the bytes of the stream before the mistake, -1 when no
	// single byte is to blame.
	Offset  int64
	Message string
}

// Error gives the place and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, field %d: %s", e.Line, e.Field, e.Message)
}

// ByteOrderMark stands at the start of files that were joined, where their records
// begin: taken for text it would be part of what they name.
var ByteOrderMark = []byte("\uFEFF")

// Limits bound what a record may hold; both are bytes.
type Limits struct{ Record, Field int }

// Reader reads records.
type Reader struct {
	src   *lines.Reader
	comma byte
	max   Limits
}

// NewReader reads records whose fields comma (an ASCII character) separates.
func NewReader(src *lines.Reader, comma byte, max Limits) *Reader {
	return &Reader{src: src, comma: comma, max: max}
}

// Read fills r with the next record. It gives [io.EOF] behind the last one, an
// *[Error] for one that cannot be read, or the stream's error.
func (d *Reader) Read(r *Record) error {
	r.buf, r.ends, r.Fields = r.buf[:0], r.ends[:0], r.Fields[:0]
	line, err := d.line(r)
	for ; err == nil && len(line) == 0; line, err = d.line(r) {
	}
	r.Line = d.src.Line()
	if err != nil {
		return err
	}
	if bytes.HasPrefix(line, ByteOrderMark) {
		return d.fail(r, "a byte order mark inside the file")
	}
	for {
		quoted := len(line) > 0 && line[0] == '"'
		if quoted {
			line, err = d.quoted(r, line[1:])
			if err != nil {
				return err
			}
		} else {
			n := bytes.IndexByte(line, d.comma)
			if n < 0 {
				n = len(line)
			}
			if bytes.IndexByte(line[:n], '"') >= 0 {
				return d.fail(r, "a quote inside a field that does not start with one")
			}
			r.buf = append(r.buf, line[:n]...)
			line = line[n:]
		}
		if r.fieldSize() > d.max.Field {
			return d.fail(r, fmt.Sprintf("the field holds more than %d bytes", d.max.Field))
		}
		if len(r.buf) > d.max.Record {
			return d.fail(r, fmt.Sprintf("the record holds more than %d bytes", d.max.Record))
		}
		r.ends = append(r.ends, len(r.buf))
		if len(line) == 0 {
			r.Open = !quoted && !d.src.Ended()
			break
		}
		line = line[1:]
	}
	start := 0
	for _, end := range r.ends {
		f := r.buf[start:end]
		r.Fields = append(r.Fields, unsafe.String(unsafe.SliceData(f), len(f)))
		start = end
	}
	return nil
}

// quoted reads a field behind its opening quote and gives what follows it.
func (d *Reader) quoted(r *Record, line []byte) ([]byte, error) {
	opened := d.src.Line()
	for {
		i := bytes.IndexByte(line, '"')
		if i < 0 {
			r.buf = append(append(r.buf, line...), '\n')
			if r.fieldSize() > d.max.Field {
				return nil, d.fail(r, fmt.Sprintf("the field holds more than %d bytes: does the quote of line %d close?", d.max.Field, opened))
			}
			var err error
			if line, err = d.line(r); err == io.EOF {
				return nil, &Error{Line: opened, Field: len(r.ends) + 1, Offset: -1, Message: "the quoted field does not end"}
			} else if err != nil {
				return nil, err
			}
			continue
		}
		r.buf = append(r.buf, line[:i]...)
		line = line[i+1:]
		switch {
		case len(line) == 0 || line[0] == d.comma:
			return line, nil
		case line[0] == '"':
			r.buf = append(r.buf, '"')
			line = line[1:]
		default:
			return nil, d.fail(r, "something follows the closing quote (a quote inside a quoted field is written twice)")
		}
	}
}

// line reads a physical line and checks its bytes.
func (d *Reader) line(r *Record) ([]byte, error) {
	line, err := d.src.Next()
	if err == lines.ErrTooLong {
		return nil, d.fail(r, "the line is too long")
	}
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(line, 0) >= 0 {
		i := bytes.IndexByte(line, 0)
		return nil, &Error{Line: d.src.Line(), Field: len(r.ends) + 1, Offset: d.src.Offset() + int64(i), Message: "a NUL byte"}
	}
	if !utf8.Valid(line) {
		i := 0
		for {
			c, n := utf8.DecodeRune(line[i:])
			if c == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		return nil, &Error{Line: d.src.Line(), Field: len(r.ends) + 1, Offset: d.src.Offset() + int64(i), Message: fmt.Sprintf("byte 0x%02X is not UTF-8", line[i])}
	}
	return line, nil
}

func (d *Reader) fail(r *Record, message string) error {
	return &Error{Line: d.src.Line(), Field: len(r.ends) + 1, Offset: -1, Message: message}
}

func (r *Record) fieldSize() int {
	if len(r.ends) == 0 {
		return len(r.buf)
	}
	return len(r.buf) - r.ends[len(r.ends)-1]
}
