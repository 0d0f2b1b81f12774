// Package manage is the one place where a merchant's operations live: accounts,
// offers and their switches, links, keys, products, the ledger, the audit, and
// the question why a partner sees a product as he does. The command line uses
// it, and whatever else lets people or programs act for a merchant.
//
// It owns who may do what: every method asks [Allow] first, and names no other
// merchant than the caller's own, whom it takes from his [Identity] alone. What
// is somebody else's is answered as what does not exist. It owns the acts that
// touch several accounts at once, and says beforehand what they would change
// ([Service.Preview]).
//
// It refuses to know how requests arrive, how answers look, and which database
// and which store stand behind it.
package manage
