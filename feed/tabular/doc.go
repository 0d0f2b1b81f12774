// Package tabular writes the CSV flavour of an offer: full.csv and light.csv,
// one record a product, for partners who read spreadsheets instead of XML.
//
// It owns the columns, their names and order, and how a cell is written. A
// header is the path of the value below product in IOF 3.0, a language in
// brackets behind it (`/description/name[pol]`); where a product has several
// values they stand in one cell, a line each, and cells of the same element
// have their lines in step. The files are UTF-8 without a byte order mark,
// separated by commas, quoted as RFC 4180 says, records ending in CR LF and
// lines within a cell in LF. A cell that a spreadsheet would run as a formula
// gets an apostrophe in front.
//
// It refuses to know what a partner pays or sees of the stock (an item comes
// priced), what the XML looks like, and where files are kept.
package tabular
