package partner

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"feedmill/feed"
)

// The lines of a merchant's audit are chained: each keeps
//
//	SHA-256(hash of the line before it | its place as 8 bytes | its text)
//
// where the hash before the first line is 32 zero bytes, places count from 1
// without a gap, and the text is every field with its length before it. A line
// that was changed, taken out, put in or moved breaks the chain there; that the
// last ones were cut off shows in the head, which the records keep apart and
// people may note elsewhere.

// AuditHead is the end of a merchant's chain: with it noted elsewhere, nobody can
// rewrite what lies before it unnoticed.
type AuditHead struct {
	Merchant MerchantID
	// Lines counts the chained lines, Hash is the last one's.
	Lines int64
	Hash  [32]byte
}

// String gives the head as it is noted and as [ParseAuditHead] reads it:
// "17:9f86d081…".
func (h AuditHead) String() string {
	return strconv.FormatInt(h.Lines, 10) + ":" + hex.EncodeToString(h.Hash[:])
}

// ParseAuditHead reads what [AuditHead.String] writes.
func ParseAuditHead(s string) (AuditHead, error) {
	var h AuditHead
	lines, hash, _ := strings.Cut(s, ":")
	n, err := strconv.ParseInt(lines, 10, 64)
	sum, err2 := hex.DecodeString(hash)
	if err != nil || err2 != nil || n < 0 || len(sum) != len(h.Hash) {
		return h, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%.80q is no head of an audit", s), Hint: "it is a number, a colon and 64 hexadecimal digits"}
	}
	h.Lines = n
	copy(h.Hash[:], sum)
	return h, nil
}

// AppendAuditText appends the text of a line that its hash is made from. Its
// number, place and hash are no part of it.
func AppendAuditText(dst []byte, e *AuditEntry) []byte {
	dst = append(dst, 1) // the form of this text
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Time.UnixMicro()))
	for _, s := range [...]string{string(e.Merchant), e.Actor.Name, e.Actor.Role, e.Actor.Address, e.Actor.Request, e.Action, e.Object, e.Before, e.After} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// Extend gives the head after one more line with this text.
func (h AuditHead) Extend(text []byte) AuditHead {
	b := make([]byte, 0, len(h.Hash)+8+len(text))
	b = append(b, h.Hash[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Lines+1))
	h.Lines++
	h.Hash = sha256.Sum256(append(b, text...))
	return h
}

// AuditBreak is where a chain does not hold.
type AuditBreak struct {
	// Number is that of the first line that does not fit, 0 when lines are
	// missing at the end.
	Number int64
	// Why says in words what is wrong.
	Why string
}

// AuditReport is the result of a verification.
type AuditReport struct {
	Merchant MerchantID
	// Lines counts the lines that hold, Unchained those that were written before
	// there was a chain: nothing can be said of them.
	Lines, Unchained int64
	// Head is the last line that holds.
	Head AuditHead
	// Broken is nil for a chain that holds.
	Broken *AuditBreak
}

// AuditVerifier goes along a merchant's audit from its beginning. The zero
// value but for Merchant is ready.
type AuditVerifier struct {
	Merchant MerchantID
	// Noted are heads that were noted elsewhere and must be part of the chain.
	Noted []AuditHead

	report AuditReport
	text   []byte
	last   int64
}

// Add takes the next line; false says that it breaks the chain and that there
// is no use in going on.
func (v *AuditVerifier) Add(e *AuditEntry) bool {
	if v.report.Broken != nil {
		return false
	}
	fail := func(format string, args ...any) bool {
		v.report.Broken = &AuditBreak{e.Number, fmt.Sprintf(format, args...)}
		return false
	}
	if e.Number <= v.last {
		return fail("line %d follows line %d", e.Number, v.last)
	}
	v.last = e.Number
	if e.Merchant != v.Merchant {
		return fail("the line is another merchant's")
	}
	if e.Hash == [32]byte{} {
		if v.report.Head.Lines > 0 {
			return fail("the line has no hash, and those before it have")
		}
		v.report.Unchained++
		return true
	}
	if e.Place != v.report.Head.Lines+1 {
		return fail("the line says that it is the %d. of the chain, and it would be the %d.", e.Place, v.report.Head.Lines+1)
	}
	v.text = AppendAuditText(v.text[:0], e)
	next := v.report.Head.Extend(v.text)
	if next.Hash != e.Hash {
		return fail("the line's hash does not follow from its text and the line before it")
	}
	v.report.Head = next
	for _, n := range v.Noted {
		if n.Lines == next.Lines && n.Hash != next.Hash {
			return fail("the head that was noted after %d lines is another one", n.Lines)
		}
	}
	return true
}

// Finish gives the report; head is the one that the records keep.
func (v *AuditVerifier) Finish(head AuditHead) AuditReport {
	r := v.report
	r.Merchant, r.Lines = v.Merchant, r.Head.Lines
	r.Head.Merchant = v.Merchant
	if r.Broken != nil {
		return r
	}
	if head.Lines != r.Head.Lines || head.Hash != r.Head.Hash {
		r.Broken = &AuditBreak{Why: fmt.Sprintf("the chain ends after %d lines, and the head tells of %d", r.Head.Lines, head.Lines)}
		if head.Lines == r.Head.Lines {
			r.Broken.Why = "the head is that of another chain"
		}
		return r
	}
	for _, n := range v.Noted {
		if n.Lines > r.Head.Lines {
			r.Broken = &AuditBreak{Why: fmt.Sprintf("a head was noted after %d lines, and there are only %d", n.Lines, r.Head.Lines)}
			return r
		}
	}
	return r
}
