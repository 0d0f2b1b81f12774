// Package catalog imports product catalogs: JSON Lines, CSV with columns of our
// own, Shopify's product export and IOF XML become one stream of
// [feed.Product], with problems that name file, line, product and field.
//
// It owns the foreign and native file formats, their limits, the derivation of
// ids from keys and names, and the dictionaries that a catalog's products
// mention. It refuses to know where a catalog is stored, what a partner sees of
// it, and how an offer is rendered.
//
// A catalog is read in one pass with bounded memory:
//
//	s, err := catalog.Open([]string{"catalog.jsonl.gz"}, catalog.Options{})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	for p, err := range s.Products(ctx) {
//		if err != nil {
//			return err
//		}
//		store(p) // p is valid until the loop goes on
//	}
//	if err := s.Err(); err != nil {
//		return err // s.Problems() lists them: import nothing
//	}
//
// Products come in the order of the file. [Ascending] checks that their ids
// rise, and [Sorted] makes them rise for catalogs of any size.
package catalog
