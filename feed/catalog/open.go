package catalog

import (
	"bytes"
	"fmt"
	"strings"

	"feedmill/feed"
)

// maxFiles is how many files one catalog may consist of.
const maxFiles = 1000

// Open opens the files of one catalog and reads what stands before the first
// product. Several files of one format are read one after the other; of IOF
// XML they may be full, light and dictionary files in any order. A name "-" is
// standard input. Files may be compressed with gzip.
//
// Errors are of kind [feed.KindNotFound] for a missing file and
// [feed.KindInvalid] for files that cannot be a catalog.
func Open(files []string, opt Options) (*Stream, error) {
	if len(files) == 0 {
		return nil, &feed.Error{Kind: feed.KindInvalid, Message: "no catalog file given", Hint: "name a file, or - for standard input"}
	}
	if len(files) > maxFiles {
		return nil, feed.Errorf(feed.KindInvalid, "%d catalog files given, at most %d", len(files), maxFiles)
	}
	s := &Stream{in: newIntake(opt), quick: opt.Quick, codes: newCodeWatch(opt.TempDir)}
	if err := s.open(files, opt); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) open(files []string, opt Options) error {
	known := true
	for _, name := range files {
		src, size, err := openSource(name, &opt, &s.read, &s.in.lim)
		if err != nil {
			return err
		}
		s.sources = append(s.sources, src)
		s.total += size
		known = known && size > 0
	}
	if !known {
		s.total = 0
	}
	s.format = opt.Format
	for _, src := range s.sources {
		found, err := src.recognise()
		if err != nil {
			return err
		}
		if s.format == FormatAuto {
			s.format = found
		}
		if found != s.format && !(s.format == FormatCSV && found == FormatShopify || s.format == FormatShopify && found == FormatCSV && opt.Format == FormatShopify) {
			if opt.Format != FormatAuto {
				return feed.Errorf(feed.KindInvalid, "%s: looks like %s, not %s as was asked for", src.name, found, s.format)
			}
			return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%s: looks like %s, but %s like %s", src.name, found, s.sources[0].name, s.format), Hint: "import files of different formats one by one"}
		}
	}
	switch s.format {
	case FormatJSONL:
		s.reader = newJSONL(s.in, s.sources)
	case FormatCSV:
		s.reader = newCSV(s.in, s.sources)
	case FormatShopify:
		s.reader = newShopify(s.in, s.sources)
	case FormatIOF:
		r, err := newIOF(s.in, s.sources)
		if err != nil {
			return err
		}
		s.reader = r
	}
	if err := s.reader.head(); err != nil {
		return err
	}
	s.before = s.in.dict.Dictionaries()
	return nil
}

// recognise tells the format by content.
func (s *source) recognise() (Format, error) {
	head, err := s.head()
	if err != nil {
		return 0, err
	}
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case len(text) == 0 && len(head) < sniffSize:
		return 0, &feed.Error{Kind: feed.KindInvalid, Message: s.name + ": is empty", Hint: "was the export cut off?"}
	case len(text) == 0:
		return 0, feed.Errorf(feed.KindInvalid, "%s: starts with nothing but blanks", s.name)
	case text[0] == '{':
		return FormatJSONL, s.objects(text)
	case text[0] == '[':
		return 0, s.stranger("is a JSON array", "write one object a line: jq -c '.[]'")
	case text[0] == '<':
		return FormatIOF, s.markup(text)
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	if _, told := toldSeparator(text); told {
		line, _, _ = bytes.Cut(rest, []byte("\n"))
	}
	header := strings.ToLower(string(line))
	if isShopifyHeader(header) {
		return FormatShopify, nil
	}
	return FormatCSV, s.tableOf(header)
}

// isShopifyHeader says whether the header, in lower case, is that of Shopify's
// product export, old or new.
func isShopifyHeader(line string) bool {
	return strings.Contains(line, "handle") && strings.Contains(line, "title") &&
		(strings.Contains(line, "variant ") || strings.Contains(line, "option1 ") || strings.Contains(line, "body (html)") || strings.Contains(line, "vendor"))
}
