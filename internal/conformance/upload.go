package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"feedmill/schema/rules"
)

// upload is a file that somebody sent, on the local disk.
type upload struct {
	name string
	file *os.File
	size int64
}

// Errors of an upload.
var (
	errNoFile   = errors.New("no file was sent: choose one, or send it as the body")
	errBadForm  = errors.New("the form cannot be read")
	errTooLarge = errors.New("the file is too large")
	errBroken   = errors.New("the file did not arrive whole")
)

// receive takes the file in, from the body or from a form.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) (*upload, error) {
	// A deadline of its own, because the server has none for bodies; sockets
	// know the time of the machine alone. Servers that know no deadlines, such
	// as recorders of tests, go without.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.opt.MaxTime)); err == nil {
		defer func() {
			if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
				h.opt.Log.Error("lifting a deadline failed", "error", err)
			}
		}()
	}
	body, name := io.Reader(r.Body), r.URL.Query().Get("name")
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		form, err := r.MultipartReader()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBadForm, err)
		}
		part, err := form.NextPart()
		for n := 0; err == nil && part.FormName() != "file"; n++ {
			if n == 20 {
				return nil, errBadForm
			}
			part, err = form.NextPart()
		}
		if err == io.EOF {
			return nil, errNoFile
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBadForm, err)
		}
		body = part
		if name == "" {
			name = part.FileName()
		}
	}
	return h.keep(body, safeName(name))
}

// safeName makes a name for messages of what a stranger says.
func safeName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7F || c == utf8.RuneError {
			return -1
		}
		return c
	}, name)
	if len(name) > 100 || name == "." || name == "/" || name == "" {
		return "file.xml"
	}
	return name
}

// keep writes the file to the disk, where it has no name.
func (h *handler) keep(body io.Reader, name string) (*upload, error) {
	f, err := os.CreateTemp(h.opt.Temp, "feedmill-upload-")
	if err != nil {
		return nil, fmt.Errorf("keep upload: %w", err)
	}
	u := &upload{name: name, file: f}
	u.size, err = io.Copy(f, io.LimitReader(body, h.opt.MaxBytes+1))
	var disk *os.PathError
	switch {
	case errors.As(err, &disk):
	case err != nil:
		err = fmt.Errorf("%w: %w", errBroken, err)
	case u.size > h.opt.MaxBytes:
		err = errTooLarge
	case u.size == 0:
		err = errNoFile
	}
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}

// Close removes the file.
func (u *upload) Close() error { return errors.Join(u.file.Close(), os.Remove(u.file.Name())) }

// family makes a family of the file.
func (u *upload) family() rules.Family {
	return rules.Family{Files: []rules.File{{Name: u.name, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(u.file, 0, u.size)), nil
	}}}}
}

// refuseUpload answers for an upload that did not come.
func (h *handler) refuseUpload(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errTooLarge):
		w.Header().Set("Connection", "close") // the rest is not read
		h.refuse(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("the file is larger than %d bytes; check large files with 'feedmill validate'", h.opt.MaxBytes))
	case errors.Is(err, errNoFile):
		h.refuse(w, r, http.StatusBadRequest, errNoFile.Error())
	case errors.Is(err, errBadForm):
		h.refuse(w, r, http.StatusBadRequest, errBadForm.Error())
	case errors.Is(err, errBroken):
		h.refuse(w, r, http.StatusBadRequest, errBroken.Error())
	default:
		h.fail(w, "keep upload", err)
	}
}

// excerpt is a line of the file with what was found in it.
type excerpt struct {
	Line                int
	Before, Mark, After string // the line, cut around the first finding's column
	Findings            []rules.Finding
}

// around is how many characters of a line are shown before and after a place.
const around = 60

// excerpts reads the lines that findings name. Findings are in order of line.
func (u *upload) excerpts(findings []rules.Finding) ([]excerpt, error) {
	var list []excerpt
	for _, f := range findings {
		if n := len(list); n > 0 && list[n-1].Line == f.Line {
			list[n-1].Findings = append(list[n-1].Findings, f)
			continue
		}
		list = append(list, excerpt{Line: f.Line, Findings: []rules.Finding{f}})
	}
	src, _, err := rules.OpenFile(context.Background(), &u.family().Files[0])
	if err != nil {
		return nil, err
	}
	defer src.Close() // only read
	lines := lineReader{r: bufio.NewReader(src)}
	for i := range list {
		e := &list[i]
		if e.Line < 1 {
			continue
		}
		before, after, err := lines.at(e.Line, e.Findings[0].Column)
		if err != nil {
			return nil, err
		}
		e.Before = before
		if c, n := utf8.DecodeRuneInString(after); n > 0 {
			e.Mark, e.After = string(c), after[n:]
		}
	}
	return list, nil
}

// lineReader goes forward through a text, line by line, whatever their length.
type lineReader struct {
	r    *bufio.Reader
	line int // lines read to their end
}

// skip reads on to the end of the current line.
func (l *lineReader) skip() error {
	for {
		_, err := l.r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			continue
		}
		l.line++
		return err
	}
}

// at gives what stands around a column of a line, counted in characters; the
// line must not have been passed. Beyond the end of the text it gives nothing.
func (l *lineReader) at(line, column int) (before, after string, err error) {
	for l.line < line-1 {
		if err := l.skip(); err == io.EOF {
			return "", "", nil
		} else if err != nil {
			return "", "", err
		}
	}
	var left, right []rune
	for at := 1; ; {
		c, _, err := l.r.ReadRune()
		if err == io.EOF || err == nil && c == '\n' {
			l.line++
			break
		}
		if err != nil {
			return "", "", err
		}
		if c == '\r' || c == '\uFEFF' && at == 1 {
			continue
		}
		if at < column {
			if left = append(left, c); len(left) > 2*around {
				left = left[:copy(left, left[len(left)-around:])]
			}
		} else if right = append(right, c); len(right) == around {
			err := l.skip()
			if err != nil && err != io.EOF {
				return "", "", err
			}
			break
		}
		at++
	}
	if n := len(left); n > around {
		left = left[n-around:]
	}
	return string(left), string(right), nil
}
