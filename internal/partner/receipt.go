package partner

import "context"

// Receipt tells what a change has left behind for feeds.
type Receipt struct {
	// Queue is the largest number that the change's rows have in the queue of
	// changes, 0 when it can alter no feed. It names the change until the change
	// has a number of its own in the log.
	Queue int64
}

// receiptKey is the context's key of a receipt.
type receiptKey struct{}

// WithReceipt gives a context in which the next change that is made with it
// fills in the receipt, once it is committed. A context is for one change.
func WithReceipt(ctx context.Context) (context.Context, *Receipt) {
	r := &Receipt{}
	return context.WithValue(ctx, receiptKey{}, r), r
}

// EnsureReceipt gives the receipt that the caller asked for, or a new one in a
// context of its own.
func EnsureReceipt(ctx context.Context) (context.Context, *Receipt) {
	if r := ReceiptOf(ctx); r != nil {
		return ctx, r
	}
	return WithReceipt(ctx)
}

// ReceiptOf gives the receipt that a change is to fill in, nil when nobody asked
// for one.
func ReceiptOf(ctx context.Context) *Receipt {
	r, _ := ctx.Value(receiptKey{}).(*Receipt)
	return r
}

// Event is a change in its place in a merchant's log.
type Event struct {
	// Number counts the merchant's events without a gap, in an order that every
	// reader sees: what becomes visible later has a larger number.
	Number int64
	Change
}
