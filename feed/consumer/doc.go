// Package consumer keeps a local copy of an offer: it reads a supplier's
// gateway, fetches what is needed and no more, and leaves in a folder the full
// and the light file, the dictionaries and a state.json that belong together.
//
//	c, err := consumer.New("https://supplier.example.com/o/secret/gateway.xml", "offer", consumer.Options{})
//	…
//	defer c.Close()
//	report, err := c.Sync(ctx) // again and again
//
// It owns the duties of a careful reader. Every file is checked by its hash
// while it streams to disk, and as a document before it counts. A broken
// transfer is resumed where the server can tell that the bytes are the same.
// Change files are applied from the oldest to the newest, each upon the
// generation that it leads from; what does not fit together is given up for the
// full file. An offer that has expired, that is older than the one at hand or
// that has lost many of its products is refused. Whatever happens, crashes
// included, the folder holds the offer before or the offer after, whole.
//
// Beside feedmill's own gateways, whose manifest.json tells generations and
// SHA-256, it reads those of any supplier that follows the format, by hash and
// time. It refuses to know what a product is: integrators get nodes as written.
package consumer
