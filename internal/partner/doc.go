// Package partner holds the words and rules of accounts: who shares a catalog
// (a [Merchant] with its shops), who receives it (a [Partner]), what exactly he
// receives (an [Offer]), under which secret address (a [Link]), and the one
// function that says whether he may ([Decide]).
//
// It owns the forms of ids and of link secrets, the encodings in which profiles
// and suppliers are stored, and the words in which the databases are spoken to
// (staged products, merge plans, queued changes, audit entries). It refuses to
// know which database keeps the records, how requests arrive and what a feed's
// bytes look like.
package partner
