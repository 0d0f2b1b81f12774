package catalog_test

import (
	"strings"
	"testing"

	"feedmill/feed/catalog"
)

// badInput is a file with one thing wrong, and the problem that says so.
type badInput struct{ name, content, want string }

// badJSONL are single lines, or a file where they hold a line feed.
var badJSONL = []badInput{
	{"no json", `{"id":7,`, `c.jsonl:1: product 7: column 9: want a member's name in quotes, but the text ends`},
	{"not closed", `{"id":7,"name":"x"`, `c.jsonl:1: product 7: column 19: want ',' or '}', but the text ends`},
	{"two objects", `{"id":7,"removed":true} {}`, `c.jsonl:1: product 7: column 25: want the end of the line, got '{'`},
	{"no object", `{"id":7,"removed":true}` + "\n" + `"x"`, `c.jsonl:2: is a string, not an object (each line holds one product or dictionary entry)`},
	{"empty object", `{}`, `c.jsonl:1: is an empty object`},
	{"control character", "{\"id\":7,\"name\":\"a\x01b\"}", `c.jsonl:1: product 7: column 18: control character U+0001 inside a string: write it as \u0001`},
	{"nul", "{\"id\":7,\"name\":\"a\x00b\"}", `c.jsonl:1: product 7: column 18: control character U+0000 inside a string: write it as \u0000`},
	{"not utf-8", "{\"id\":7,\n{\"name\":\"Kub\xb3k\"}", `c.jsonl:2: byte 0xB3 is not UTF-8 (byte 22 of the file) (save the file as UTF-8)`},
	{"too deep", strings.Repeat(`{"x":`, 70), `c.jsonl:1: column 321: nested more than 64 deep`},
	{"unknown member", line(`"nmae":"x"`), `c.jsonl:1: product 7: nmae: is not a member (did you mean name?)`},
	{"unknown member, nothing near", line(`"zzzzzz":"x"`), `c.jsonl:1: product 7: zzzzzz: is not a member`},
	{"texts in the place of a reference", line(`"producer":{"pol":"x"}`), `c.jsonl:1: product 7: producer.pol: is not a member (texts by language are the name: {"name": {"pol": …}})`},
	{"member of another program", line(`"ean":"5901234123457"`), `c.jsonl:1: product 7: ean: is not a member (did you mean gtin?)`},
	{"member of another program, in a size", line(`"sizes":[{"name":"S","Qty":3}]`), `c.jsonl:1: product 7: sizes[0].Qty: is not a member (did you mean stock?)`},
	{"unknown nested member", line(`"sizes":[{"name":"S","weigth":3}]`), `c.jsonl:1: product 7: sizes[0].weigth: is not a member (did you mean weight?)`},
	{"twice", line(`"name":"y"`), `c.jsonl:1: product 7: name: occurs twice`},
	{"twice nested", line(`"images":[{"url":"https://a.example/1","url":"https://a.example/2"}]`), `c.jsonl:1: product 7: images[0].url: occurs twice`},
	{"language twice", line(`"short_desc":{"pl":"a","pol":"b"}`), `c.jsonl:1: product 7: short_desc.pol: occurs twice`},
	{"no language", line(`"short_desc":{"polski":"a"}`), `c.jsonl:1: product 7: short_desc.polski: is not a language code (write three letters of ISO 639-2: pol, eng, ger)`},
	{"wrong kind", line(`"site":"1"`), `c.jsonl:1: product 7: site: is a string, not a whole number`},
	{"wrong kind of text", line(`"url":["a"]`), `c.jsonl:1: product 7: url: is an array, not a string`},
	{"wrong kind of list", line(`"images":"https://a.example/1"`), `c.jsonl:1: product 7: images: is a string, not a list`},
	{"fraction", line(`"site":1.5`), `c.jsonl:1: product 7: site: 1.5 is not a whole number of 32 bits`},
	{"id 0", `{"id":0,"name":"x","category":"a","price":1}`, `c.jsonl:1: id: 0 is not an id (ids are whole numbers from 1 to 9007199254740991; use a key for other identifiers)`},
	{"id too large", `{"id":9007199254740992,"name":"x","category":"a","price":1}`, `c.jsonl:1: id: 9007199254740992 is not an id (ids are whole numbers from 1 to 9007199254740991; use a key for other identifiers)`},
	{"id a string", `{"id":"A7","name":"x","category":"a","price":1}`, `c.jsonl:1: id: is a string, not a whole number (give identifiers that are no numbers as key)`},
	{"no id", `{"name":"x","category":"a","price":1}`, `c.jsonl:1: id: is missing (give an id (1 and up) or a key)`},
	{"no name", `{"id":7,"category":"a","price":1}`, `c.jsonl:1: product 7: name: is missing (a product has a name in at least one language)`},
	{"empty name", `{"id":7,"name":{"pol":""},"category":"a","price":1}`, `c.jsonl:1: product 7: name: is missing (a product has a name in at least one language)`},
	{"no category", `{"key":"K7","name":"x","price":1}`, `c.jsonl:1: product K7: category: is missing (give an id or a path such as "Kitchen/Mugs", or a category for all such products (--category))`},
	{"bad category", `{"id":7,"name":"x","price":1,"category":"a//b"}`, `c.jsonl:1: product 7: category: "a//b" is not a path (write names with / between them: "Kitchen/Mugs")`},
	{"deep category", `{"id":7,"name":"x","price":1,"category":"` + strings.Repeat("a/", 32) + `a"}`, `c.jsonl:1: product 7: category: has more than 32 levels`},
	{"unknown category", `{"id":7,"name":"x","price":1,"category":{"id":"9"}}`, `c.jsonl:1: product 7: category: "9" is not known and has no name (give its name, or a category line before the product)`},
	{"unknown producer", line(`"producer":{"id":9}`), `c.jsonl:1: product 7: producer: "9" is not known and has no name (give its name, or a producer line before the product)`},
	{"unknown parameter", line(`"parameters":[{"id":"9","values":[{"id":"8"}]}]`), `c.jsonl:1: product 7: parameters[0].id: "9" is not known and has no name (give its name, or a parameter line before the product)` + "\n" +
		`c.jsonl:1: product 7: parameters[0].values[0].id: "8" is not known and has no name (give its name, or a value line before the product)`},
	{"parameter without name", line(`"parameters":[{"values":["x"]}]`), `c.jsonl:1: product 7: parameters[0].name: is missing`},
	{"blank in id", line(`"unit":{"id":"a b","name":"x"}`), `c.jsonl:1: product 7: unit.id: "a b" is not an id (ids have no blanks and at most 255 bytes)`},
	{"bad vat", line(`"vat":"23%"`), `c.jsonl:1: product 7: vat: "23%" is not a decimal number (digits with an optional decimal point) (VAT is a percentage such as 23)`},
	{"vat as a share", line(`"vat":0.23`), `c.jsonl:1: product 7: vat: "0.23" is less than one per cent (VAT is a percentage such as 23)`},
	{"vat with exponent", line(`"vat":2.3e1`), `c.jsonl:1: product 7: vat: "2.3e1" is not a decimal number (digits with an optional decimal point) (VAT is a percentage such as 23)`},
	{"bad currency", line(`"currency":"zł"`), `c.jsonl:1: product 7: currency: "zł" is not a currency code (ISO 4217 such as PLN, EUR)`},
	{"negative price", line(`"srp":-1`), `c.jsonl:1: product 7: srp: gross "-1" is not a decimal number (digits with an optional decimal point)`},
	{"price with comma", line(`"srp":"12,30"`), `c.jsonl:1: product 7: srp: gross "12,30" is not a decimal number (digits with an optional decimal point)`},
	{"price too exact", line(`"srp":12.345`), `c.jsonl:1: product 7: srp: gross "12.345" has too many decimal places`},
	{"price too large", line(`"srp":99999999999999999999`), `c.jsonl:1: product 7: srp: gross "99999999999999999999" is out of range`},
	{"empty price", line(`"srp":{}`), `c.jsonl:1: product 7: srp: is empty (give net, gross or both)`},
	{"net and gross apart", line(`"srp":{"net":10,"gross":12.40}`), `c.jsonl:1: product 7: srp: net 10.00 and gross 12.40 do not agree: with VAT 23.0 % the gross is 12.30`},
	{"size price", line(`"sizes":[{"name":"S"},{"name":"M","price":true}]`), `c.jsonl:1: product 7: sizes[1].price: is a boolean, not a number or an object of net and gross`},
	{"size price wrong", line(`"sizes":[{"name":"S"},{"name":"M","price":"x"}]`), `c.jsonl:1: product 7: sizes[1].price: gross "x" is not a decimal number (digits with an optional decimal point)`},
	{"bad quantity", line(`"sizes":[{"name":"S","stock":[{"quantity":1},{"warehouse":2,"quantity":-3}]}]`), `c.jsonl:1: product 7: sizes[0].stock[1].quantity: quantity "-3" is not a decimal number (digits with an optional decimal point), and not -1 for unlimited`},
	{"bad warehouse", line(`"stock":[{"warehouse":-1,"quantity":1}]`), `c.jsonl:1: product 7: stock[0].warehouse: -1 is negative`},
	{"warehouse twice", line(`"stock":[{"quantity":1},{"quantity":2}]`), `c.jsonl:1: product 7: sizes[0].stock[1].warehouse: 1 occurs twice (give each warehouse once)`},
	{"bad weight", line(`"weight":"1 kg"`), `c.jsonl:1: product 7: weight: weight "1 kg" is not a decimal number (digits with an optional decimal point) (weights are grams)`},
	{"blank in code", line(`"code":"A 1"`), `c.jsonl:1: product 7: sizes[0].code: "A 1" is not a code (codes hold letters, digits and . - _ : without blanks)`},
	{"empty code", line(`"code":""`), `c.jsonl:1: product 7: code: is empty (leave it out when there is none)`},
	{"code twice", line(`"sizes":[{"name":"S","code":"A"},{"name":"M","code":"A"}]`), `c.jsonl:1: product 7: sizes[1].code: "A" occurs twice (each size has its own code)`},
	{"size twice", line(`"sizes":[{"name":"S"},{"name":"S","code":"B"}]`), `c.jsonl:1: product 7: sizes[1].id: "S" occurs twice (each size of a product has its own id)`},
	{"size without name", line(`"sizes":[{"name":"S"},{"code":"B"}]`), `c.jsonl:1: product 7: sizes[1].id: is missing (a product with several sizes gives each an id or a name)`},
	{"code beside sizes", line(`"weight":3,"sizes":[{"name":"S"}]`), `c.jsonl:1: product 7: weight: stands beside sizes (give it to each size)`},
	{"bad gtin", line(`"gtin":"5901234123458"`), `c.jsonl:1: product 7: gtin: "5901234123458" is not a GTIN: its check digit is wrong (give codes that are no GTIN as producer_code)`},
	{"gtin beside producer_code", line(`"producer_code":"A","gtin":"5901234123457"`), `c.jsonl:1: product 7: gtin: stands beside producer_code (give one of the two)`},
	{"standard contradicts", line(`"gtin":"5901234123457","code_standard":"GTIN8"`), `c.jsonl:1: product 7: code_standard: GTIN8 contradicts the gtin, which is GTIN13 (leave it out)`},
	{"bad standard", line(`"code_standard":"EAN"`), `c.jsonl:1: product 7: code_standard: "EAN" is not a producer code standard (one of AUTO, GTIN14, GTIN13, GTIN12, GTIN8, ISBN13, ISBN10, UPCE, MPN, OTHER)`},
	{"bad type", line(`"type":"configurable"`), `c.jsonl:1: product 7: type: "configurable" is not a product type (one of regular, packaging, virtual, bundle, collection, service)`},
	{"relative image", line(`"images":["https://a.example/1.jpg","/2.jpg"]`), `c.jsonl:1: product 7: images[1].url: "/2.jpg" is not an address (give an absolute one that starts with https:// and has no blanks)`},
	{"image without url", line(`"images":[{"hash":"x"}]`), `c.jsonl:1: product 7: images[0]: has no url`},
	{"bad changed", line(`"icon":{"url":"https://a.example/1","changed":"2026-03-02"}`), `c.jsonl:1: product 7: icon.changed: "2026-03-02" is not a time (write 2026-03-02 08:00:00)`},
	{"bad url", line(`"url":"shop.example.com"`), `c.jsonl:1: product 7: url: "shop.example.com" is not an address (give an absolute one that starts with https:// and has no blanks)`},
	{"url with a port that is none", line(`"url":"https://shop.example.com:x/"`), `c.jsonl:1: product 7: url: "https://shop.example.com:x/" is not an address (give an absolute one that starts with https:// and has no blanks)`},
	{"url without a host", line(`"images":["https://?1"]`), `c.jsonl:1: product 7: images[0].url: "https://?1" is not an address (give an absolute one that starts with https:// and has no blanks)`},
	{"set of itself", line(`"type":"bundle","bundled":{"components":[{"id":8,"quantity":1},{"id":7,"quantity":1}]}`), `c.jsonl:1: product 7: bundled.components[1].id: is the set itself (a set does not hold itself: name the products that it is made of)`},
	{"bad date", line(`"promotion":{"name":"A","price":1,"start":"2.03.2026"}`), `c.jsonl:1: product 7: promotion.start: "2.03.2026" is not a date (write 2026-03-02 or 2026-03-02T08:00:00)`},
	{"promotion without price", line(`"promotion":{"name":"A"}`), `c.jsonl:1: product 7: promotion.price: is missing (a promotion has a price)`},
	{"promotion price", line(`"promotion":{"name":"A","price":"x"}`), `c.jsonl:1: product 7: promotion.price: gross "x" is not a decimal number (digits with an optional decimal point)`},
	{"bad context", line(`"parameters":[{"name":"Kolor","context":"CONTEXT_COLOUR"}]`), `c.jsonl:1: product 7: parameters[0].context: "CONTEXT_COLOUR" is not a context (did you mean CONTEXT_COLOR?)`},
	{"section with values", line(`"parameters":[{"name":"Dane","section":true,"values":["x"]}]`), `c.jsonl:1: product 7: parameters[0]: is a section and has values (a section only heads the parameters behind it)`},
	{"bad meta", line(`"meta":[{"name":"title","value":"x"}]`), `c.jsonl:1: product 7: meta[0].name: "title" is none of auction_name, auction_long_desc, meta_title, meta_description, meta_keywords, search_keywords`},
	{"bad choice", line(`"bundled":{"specified":true,"components":[{"id":"3","quantity":1,"choice":"any"}]}`), `c.jsonl:1: product 7: bundled.components[0].choice: "any" is not a component type (one of client_chooses_size, client_chooses_variant, client_chooses_defined_size, client_chooses_defined_size_as_separate_items)`},
	{"component without id", line(`"bundled":{"components":[{"quantity":1}]}`), `c.jsonl:1: product 7: bundled.components[0]: has no id (name the component by its product id)`},
	{"group without id", line(`"group":{"parameter":"Kolor"}`), `c.jsonl:1: product 7: group: has no id`},
	{"attribute with prefix", line(`"attrs":{"iaiext:rebate":"7"}`), `c.jsonl:1: product 7: attrs.iaiext:rebate: is not the name of an attribute (give local names without a prefix)`},
	{"attribute twice", line(`"attrs":{"rebate":"7","rebate":"8"}`), `c.jsonl:1: product 7: attrs: "rebate" occurs twice`},
	{"extension with other prefix", line(`"extensions":["<note>x</note>"]`), `c.jsonl:1: product 7: extensions[0]: <note> has no prefix iaiext (give one well-formed element with the prefix iaiext)`},
	{"two extensions in one", line(`"extensions":["<iaiext:a/><iaiext:b/>"]`), `c.jsonl:1: product 7: extensions[0]: is more than one element (give one well-formed element with the prefix iaiext)`},
	{"extension declares", line(`"extensions":["<iaiext:a xmlns:b='u'/>"]`), `c.jsonl:1: product 7: extensions[0]: declares a namespace (give one well-formed element with the prefix iaiext)`},
	{"removed with more", line(`"removed":true`), `c.jsonl:1: product 7: removed: stands beside other members (the line of a removed product holds its id or key alone)`},
	{"removed without id", `{"removed":true}`, `c.jsonl:1: id: is missing (give the id or key of the removed product)`},
	{"record not first", line(`"record":"producer"`), `c.jsonl:1: product 7: record: is not the first member (a dictionary line starts with it)`},
	{"unknown record", `{"record":"brand","id":"1"}`, `c.jsonl:1: record: "brand" is none of catalog, category, producer, unit, series, warranty, warehouse, size_group, section, parameter, value`},
	{"record without name", `{"record":"producer","id":"1"}`, `c.jsonl:1: name: is missing`},
	{"record with unknown member", `{"record":"unit","id":"1","name":"x","precison":2}`, `c.jsonl:1: precison: is not a member (did you mean precision?)`},
	{"unit too precise", `{"record":"unit","id":"1","name":"x","precision":4}`, `c.jsonl:1: precision: 4 is out of range (quantities have 0 to 3 decimals)`},
	{"orphan", `{"record":"category","id":"2","parent":"1","name":"x"}`, `c.jsonl:1: parent: "1" is not known (a category stands behind its parent)`},
	{"size group", `{"record":"size_group","id":"2","name":"x","sizes":[{"id":"s","name":"S"},{"id":"s","name":"T"}]}`, `c.jsonl:1: sizes[1]: "s" occurs twice (each size of a group has its own id)`},
	{"defaults late", `{"id":7,"removed":true}` + "\n" + `{"record":"catalog","vat":8}`, `c.jsonl:2: record: catalog is not the first line of the file (move it to the top)`},
}

func TestBadJSONL(t *testing.T) {
	t.Parallel()
	for _, c := range badJSONL {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectProblems(t, polish(), "c.jsonl", c)
		})
	}
}

// badCSV are files of our own columns.
var badCSV = []badInput{
	{"unknown column", "id;nmae;category\n", `/c.csv: header: column "nmae" is not known`},
	{"unknown columns", "id;SKU;name;Qqqqqqqq\n", `/c.csv: header: 2 columns are not known: "SKU" (code?), "Qqqqqqqq"`},
	{"no header", "A-1;Mug;12.50\n", `/c.csv: header: none of the columns is known: "A-1", "Mug", "12.50"`},
	{"a title before the header", "Price list;;\nid;name;price\n", `/c.csv: header: none of the columns is known: "Price list" (price?)`},
	{"lines of old Macs", "id,name\r7,x\r", `/c.csv: its lines end with CR alone, as those of old Macs did`},
	{"unknown column far from all", "id;name;qqqqqqqq\n", `/c.csv: header: column "qqqqqqqq" is not known`},
	{"column twice", "id;name[pol];name\n", `/c.csv: header: column "name" occurs twice`},
	{"unnamed column", "id;;name\n", `/c.csv: header: column 2 has no name`},
	{"no key", "name;category\n", `/c.csv: header: there is no column id and no column key`},
	{"bad language", "id;name[polish]\n", `/c.csv: header: column "name[polish]": "polish" is not a language code (ISO 639-2 such as pol, eng, ger)`},
	{"no closing bracket", "id;name[pol\n", `/c.csv: header: column "name[pol" has no closing bracket`},
	{"brackets for nothing", "id;vat[pol]\n", `/c.csv: header: column "vat[pol]" takes nothing in brackets`},
	{"bad warehouse", "id;stock[main]\n", `/c.csv: header: column "stock[main]": "main" is not the number of a warehouse`},
	{"no parameter", "id;parameter[]\n", `/c.csv: header: column "parameter[]" names no parameter`},
	{"price twice", "id;name;price;price_gross\n", `/c.csv: header: column "price_gross" occurs twice`},
	{"header not utf-8", "id;na\xb3me\n", `/c.csv: header: line 1, field 1: byte 0xB3 is not UTF-8`},
	{"too few fields", "id;name;category\n7;x\n", `c.csv:2: has 2 fields, the header has 3 columns (quote fields that hold separators)`},
	{"too many fields", "id,name,category,price\n7,x,a,12,30\n", `c.csv:2: has 5 fields, the header has 4 columns (quote fields that hold separators)`},
	{"quote inside", "id,name\n7,a\"b\n", `c.csv:2: field 2: a quote inside a field that does not start with one (put the whole field into quotes, and write each quote within it twice)`},
	{"quote never closes", "id,name\n7,\"a\nb\n", `c.csv:2: field 2: the quoted field does not end`},
	{"not utf-8", "id,name\n7,Kub\xb3k\n", `c.csv:2: byte 0xB3 is not UTF-8 (byte 14 of the file) (save the file as UTF-8)`},
	{"nul", "id,name\n7,a\x00b\n", `c.csv:2: field 1: a NUL byte (the file is damaged, as by a full disk or a broken transfer: export it again)`},
	{"no id", "id,name,category,price\n,x,a,1\n", `c.csv:2: id: is missing (give an id (1 and up) or a key)`},
	{"bad id", "id,name,category,price\nA7,x,a,1\n", `c.csv:2: id: "A7" is not an id (ids are whole numbers from 1 to 9007199254740991; use the column key for other identifiers)`},
	{"rows disagree", "id,name,category,price,size\n7,x,a,1,S\n7,y,a,1,M\n", `c.csv:3: product 7: name: is "y" here and "x" in the product's first row (rows of a product agree in it, or leave it empty behind the first)`},
	{"size twice", "id,name,category,price,size\n7,x,a,1,S\n7,x,a,1,S\n", `c.csv:3: product 7: code: "7-S" occurs twice (each size has its own code)` + "\n" +
		`c.csv:3: product 7: size: "S" occurs twice (each size of a product has its own id)`},
	{"size without name", "id,name,category,price,size,size_id\n7,x,a,1,S,1\n7,x,a,1,,\n", `c.csv:3: product 7: size_id: is missing (a product with several sizes gives each an id or a name)`},
	{"bad code", "id,name,category,price,code\n7,x,a,1,A/1\n", `c.csv:2: product 7: code: "A/1" is not a code (codes hold letters, digits and . - _ : without blanks)`},
	{"bad price", "id,name,category,price_net\n7,x,a,1 00\n", `c.csv:2: product 7: price: net "1 00" is not a decimal number (digits with an optional decimal point) (write the number alone, and nothing where there is no price; the currency has a column of its own)`},
	{"prices apart", "id,name,category,price_net,price_gross\n7,x,a,10,13\n", `c.csv:2: product 7: price: net 10.00 and gross 13.00 do not agree: with VAT 23.0 % the gross is 12.30`},
	{"bad price of a size", "id,name,category,price,size\n7,x,a,1,S\n7,x,a,x,M\n", `c.csv:3: product 7: price: gross "x" is not a decimal number (digits with an optional decimal point) (write the number alone, and nothing where there is no price; the currency has a column of its own)`},
	{"bad stock", "id,name,category,price,stock[2]\n7,x,a,1,many\n", `c.csv:2: product 7: stock[2]: quantity "many" is not a decimal number (digits with an optional decimal point) (write a number, 0 for what is sold out and unlimited for what never runs out)`},
	{"bad weight", "id,name,category,price,weight\n7,x,a,1,\"1,5\"\n", `c.csv:2: product 7: weight: weight "1,5" is not a decimal number (digits with an optional decimal point) (weights are grams: name a column of kilograms weight[kg])`},
	{"bad gtin", "id,name,category,price,gtin\n7,x,a,1,123\n", `c.csv:2: product 7: gtin: "123" is not a GTIN: it has 3 digits, not 8, 12, 13 or 14`},
	{"gtin without its zeros", "id,name,category,price,gtin\n7,x,a,1,12345678905\n", `c.csv:2: product 7: gtin: "12345678905" is not a GTIN: it has 11 digits, not 8, 12, 13 or 14 (make the column text in the spreadsheet, or do not open the export there, and export it again)`},
	{"two codes", "id,name,category,price,gtin,producer_code\n7,x,a,1,5901234123457,A\n", `c.csv:2: product 7: producer_code: stands beside gtin (give one of the two)`},
	{"bad image", "id,name,category,price,image1\n7,x,a,1,a.jpg\n", `c.csv:2: product 7: image1: "a.jpg" is not an address (give an absolute one that starts with https:// and has no blanks)`},
	{"bad vat", "id,name,category,price,vat\n7,x,a,1,zw\n", `c.csv:2: product 7: vat: "zw" is not a decimal number (digits with an optional decimal point) (VAT is a percentage such as 23: write 0 where there is none)`},
	{"group without id", "id,name,category,price,group,group_value\n7,x,a,1,,red\n", `c.csv:2: product 7: group: is missing (variants of one group have the same id)`},
	{"warranty without name", "id,name,category,price,warranty,warranty_kind\n7,x,a,1,,seller\n", `c.csv:2: product 7: warranty: is missing (name the warranty)`},
	{"removed", "id,name,category,price,removed\n7,x,a,1,maybe\n", `c.csv:2: product 7: removed: "maybe" is neither yes nor no`},
	{"no category", "id,name,price\n7,x,1\n", `c.csv:2: product 7: category: is missing (give an id or a path such as "Kitchen/Mugs", or a category for all such products (--category))`},
}

func TestBadCSV(t *testing.T) {
	t.Parallel()
	for _, c := range badCSV {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectProblems(t, polish(), "c.csv", c)
		})
	}
}

const shopifyHeader = "Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Compare At Price,Variant Barcode,Image Src\n"

// badShopify are Shopify exports.
var badShopify = []badInput{
	{"no price column", "Handle,Title,Vendor,Option1 Name\n", `/c.csv: header: column "variant price" is missing`},
	{"column twice", "Handle,Title,Vendor,Variant Price,Price\n", `/c.csv: header: column "Price" occurs twice`},
	{"no handle", shopifyHeader + ",Mug,V,Title,Default Title,,,,,1,,,\n", `c.csv:2: Handle: is empty (every row names its product)`},
	{"no title", shopifyHeader + "mug,,V,Title,Default Title,,,,,1,,,\n", `c.csv:2: product mug: Title: is missing (a product has a name in at least one language)`},
	{"bad price", shopifyHeader + "mug,Mug,V,Title,Default Title,,,,,free,,,\n", `c.csv:2: product mug: Variant Price: gross "free" is not a decimal number (digits with an optional decimal point)`},
	{"bad price of a variant", shopifyHeader + "mug,Mug,V,Size,S,,,,,1,,,\nmug,,,,M,,,,,-1,,,\n", `c.csv:3: product mug: Variant Price: gross "-1" is not a decimal number (digits with an optional decimal point)`},
	{"bad compare-at price", shopifyHeader + "mug,Mug,V,Title,Default Title,,,,,1,x,,\n", `c.csv:2: product mug: Variant Compare At Price: "x" is not a decimal number (digits with an optional decimal point)`},
	{"bad grams", shopifyHeader + "mug,Mug,V,Title,Default Title,,heavy,,,1,,,\n", `c.csv:2: product mug: Variant Grams: weight "heavy" is not a decimal number (digits with an optional decimal point)`},
	{"bad quantity", shopifyHeader + "mug,Mug,V,Title,Default Title,,,shopify,some,1,,,\n", `c.csv:2: product mug: Variant Inventory Qty: quantity "some" is not a decimal number (digits with an optional decimal point), and not -1 for unlimited`},
	{"variant without option", shopifyHeader + "mug,Mug,V,Size,S,,,,,1,,,\nmug,,,,,,,,,2,,,\n", `c.csv:3: product mug: Option1 Value: is empty (each variant of a product has option values)`},
	{"variant twice", shopifyHeader + "mug,Mug,V,Size,S,,,,,1,,,\nmug,,,,S,,,,,1,,,\n", `c.csv:3: product mug: Option1 Value: "S" occurs twice (each size of a product has its own id)`},
	{"bad image", shopifyHeader + "mug,Mug,V,Title,Default Title,,,,,1,,,mug.jpg\n", `c.csv:2: product mug: Image Src: "mug.jpg" is not an address (give an absolute one that starts with https:// and has no blanks)`},
}

func TestBadShopify(t *testing.T) {
	t.Parallel()
	for _, c := range badShopify {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectProblems(t, polish(), "c.csv", c)
		})
	}
}

// expectProblems reads the input and compares all its errors; warnings are not
// looked at.
func expectProblems(t *testing.T, opt catalog.Options, file string, c badInput) {
	t.Helper()
	out := readText(t, opt, file, c.content)
	var got []string
	for _, p := range out.problems {
		if !strings.Contains(p, ": warning: ") {
			got = append(got, p)
		}
	}
	if out.err != nil && len(out.problems) == 0 {
		// Open refused the file.
		message := out.err.Error()
		got = append(got, message[strings.LastIndex(message, "/"+file):])
	}
	// Some inputs go on behind the line in question.
	text := strings.Join(got, "\n")
	if text != c.want && !strings.HasSuffix(text, "\n"+c.want) {
		t.Errorf("got  %s\nwant %s", text, c.want)
	}
	if out.err == nil {
		t.Error("the import as a whole has no error")
	}
	if len(out.lines) > 0 {
		t.Errorf("a product came out: %v", out.lines)
	}
}
