package publish

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"feedmill/feed/diff"
)

// editSpool keeps the bytes of nodes in the spool folder.
type editSpool struct {
	dir  string
	f    *os.File
	w    *bufio.Writer
	size int64
}

// add appends a node and gives where it stands.
func (s *editSpool) add(node []byte) (off int64, err error) {
	if s.f == nil {
		if s.f, err = os.CreateTemp(s.dir, "nodes-*"); err != nil {
			return 0, fmt.Errorf("make a file in the spool folder: %w", err)
		}
		s.w = bufio.NewWriterSize(s.f, 64<<10)
	}
	off = s.size
	n, err := s.w.Write(node)
	if s.size += int64(n); err != nil {
		return 0, fmt.Errorf("write to the spool folder: %w", err)
	}
	return off, nil
}

// flush makes what was added readable.
func (s *editSpool) flush() error {
	if s.f == nil {
		return nil
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("write to the spool folder: %w", err)
	}
	return nil
}

func (s *editSpool) discard() error {
	if s.f == nil {
		return nil
	}
	return errors.Join(s.f.Close(), removeFile(s.f.Name()))
}

// read takes the nodes of a change file.
func (e *edited) read(r io.Reader) error {
	// What the file is worth is told by the digests of the nodes that are used.
	torn := fmt.Errorf("%w: a change file is torn", diff.ErrCorrupt)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxNode)
	head, foot := true, false
	lines.Split(func(data []byte, last bool) (advance int, token []byte, err error) {
		if head {
			i := bytes.Index(data, nodeStart)
			if i < 0 {
				// A change file without nodes is never made; keep what may be the start of one.
				return max(len(data)-len(nodeStart), 0), nil, nil
			}
			head = false
			return i, nil, nil
		}
		if foot || !bytes.HasPrefix(data, nodeStart) && (last || len(data) >= len(nodeStart)) {
			foot = true
			return len(data), nil, nil
		}
		if n := nodeSize(data); n > 0 {
			return n, data[:n], nil
		}
		if last {
			return 0, nil, torn
		}
		return 0, nil, nil
	})
	for lines.Scan() {
		node := lines.Bytes()
		p := place{id: nodeID(node)}
		if p.id == 0 {
			return torn
		}
		if !bytes.HasSuffix(node, nodeRemoved) {
			p.size = len(node)
			var err error
			if p.off, err = e.add(node); err != nil {
				return err
			}
		}
		e.places = append(e.places, p)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return torn
	} else if err != nil {
		return err
	}
	return nil
}

// maxNode bounds a node of a change file; no writer makes a larger one.
const maxNode = 64 << 20

func openSpooled(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the spool folder: %w", err)
	}
	return f, nil
}
