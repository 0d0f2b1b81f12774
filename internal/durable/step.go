package durable

import "io"

// Step is by how much large files are written, at multiples of it. The system
// keeps what is written so in pages as large as the step, which costs less than
// pieces at odd places do. Pages larger than this cost many times as much where
// memory is in pieces, because the system has to move others out of the way.
const Step = 128 << 10

// WriteSteps writes all of b in steps; the first begins where w stands.
func WriteSteps(w io.Writer, b []byte) error {
	for len(b) > 0 {
		n, err := w.Write(b[:min(len(b), Step)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
