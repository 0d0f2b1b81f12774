// Package grammar compiles XML Schema (XSD 1.0) documents into tables that a
// streaming validator can walk: content models become deterministic automata,
// simple types become checks on bytes.
//
// It owns the reading of schema documents and the meaning of types. It refuses
// to know which documents the schemas describe, and it does not read instance
// documents at all. The subset it understands is what hand-written schemas of
// data files use; every construct outside of it is refused when compiling,
// with file and line, never skipped:
//
//   - schema, import, include, annotation; global and local element and
//     attribute, complexType, simpleType, group, attributeGroup
//   - sequence, choice, all with minOccurs and maxOccurs, nested at will; any
//     and anyAttribute with processContents lax, strict or skip
//   - mixed, empty, element-only and simple content (by extension)
//   - restriction with enumeration, pattern, length, minLength, maxLength,
//     minInclusive, maxInclusive, minExclusive, maxExclusive, totalDigits,
//     fractionDigits, whiteSpace
//   - nillable, use, form, elementFormDefault, attributeFormDefault
//
// Not understood, among others: list, union, complexContent, key, unique,
// substitution groups, abstract, default and fixed values, redefine, notation.
package grammar
