#!/usr/bin/env python3
"""Turns the catalog of a comparison with other writers into feedmill's JSON Lines.

Reads standard input, writes standard output. The input has one product a line with money in hundredths, texts as a
list by language ("desc"), and sizes with net, gross and stock by warehouse. What both formats know is kept, prices
of each size included; nothing is left out. The conversion is made beforehand and counts for nobody.
"""
import json
import sys

# The language of texts that name none.
LANGUAGE = "pol"


def money(n):
    return "%d.%02d" % (n // 100, n % 100)


def price(o, net="net", gross="gross"):
    return {"net": money(o[net]), "gross": money(o[gross])}


def named(o):
    return {"id": str(o["id"]), "name": o["name"]}


def texts(p, key):
    return {d["lang"]: d[key] for d in p["desc"]}


def size(s):
    return {
        "id": s["id"], "name": s["name"], "panel_name": s["panel_name"], "code": s["code"], "producer_code": s["code_producer"], "weight": s["weight"],
        "stock": [{"warehouse": k["id"], "quantity": k["qty"]} for k in s["stock"]], "price": price(s),
    }


def text(lang, s):
    return s if lang == LANGUAGE else {lang: s}


def parameter(q):
    return {"id": str(q["id"]), "name": text(q["lang"], q["name"]), "values": [{"id": str(v["id"]), "name": text(q["lang"], v["name"])} for v in q["values"]]}


def product(p):
    category = p["category"]["name"].replace("/", "-").replace(" > ", "/")
    return {
        "id": p["id"], "site": p["site"], "display_code": p["code_card"], "vat": p["vat"], "producer": named(p["producer"]),
        "category": {"id": str(p["category"]["id"]), "name": category}, "unit": named(p["unit"]), "url": p["url"],
        "name": texts(p, "name"), "short_desc": texts(p, "short"), "long_desc": texts(p, "long"), "price": price(p), "srp": price(p, "srp_net", "srp_gross"),
        "sizes": [size(s) for s in p["sizes"]],
        "images": [{"url": i["url"], "hash": i["hash"], "width": i["w"], "height": i["h"]} for i in p["images"]],
        "parameters": [parameter(q) for q in p["params"]],
    }


def main():
    out = sys.stdout
    out.write('{"record":"catalog","language":"%s","currency":"PLN"}\n' % LANGUAGE)
    for line in sys.stdin:
        out.write(json.dumps(product(json.loads(line)), ensure_ascii=False, separators=(",", ":")) + "\n")


main()
