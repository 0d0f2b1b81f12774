package schema

import (
	"context"
	"errors"
	"fmt"
	"io"

	"feedmill/schema/grammar"
	"feedmill/schema/xmltok"
)

const defaultMaxErrors = 1000

// Validate reads one IOF file and reports what is wrong with it. name is the
// file's name, used only to tell full, light and change files apart; it may be
// empty. The error is about reading src or about ctx, never about the file: a
// file that is not well-formed gives a finding. Memory does not grow with the
// file.
func Validate(ctx context.Context, src io.Reader, name string, opt Options) (Report, error) {
	kind := opt.Kind
	if kind == "" {
		head, all, err := peek(src)
		if err != nil {
			return Report{}, fmt.Errorf("read %s: %w", orDocument(name), err)
		}
		kind, src = DetectKind(name, head), all
	}
	var s *grammar.Schema
	if kind != "" {
		compile, ok := compiled[kind]
		if !ok {
			return Report{}, fmt.Errorf("validate %s: %q is not a kind of file", orDocument(name), kind)
		}
		var err error
		if s, err = compile(); err != nil {
			return Report{}, err
		}
	}
	v := newValidator(src, s, kind, opt)
	v.frames[0].mode = atRoot
	if err := v.run(ctx); err != nil {
		return v.report, fmt.Errorf("validate %s: %w", orDocument(name), err)
	}
	return v.report, nil
}

// Walk runs rules over any XML document without a schema. It reports what the
// rules report, and whether the document is well-formed.
func Walk(ctx context.Context, src io.Reader, opt Options) (Report, error) {
	v := newValidator(src, nil, opt.Kind, opt)
	v.frames[0].mode = unchecked
	if err := v.run(ctx); err != nil {
		return v.report, fmt.Errorf("walk document: %w", err)
	}
	return v.report, nil
}

func orDocument(name string) string {
	if name == "" {
		return "document"
	}
	return name
}

// validator is one run over one document.
type validator struct {
	r       *xmltok.Reader
	schema  *grammar.Schema
	kind    Kind
	opt     Options
	report  Report
	frames  []frame // frames[0] stands for the document
	text    []byte  // of the open elements with simple content
	scratch []byte
	labels  map[string]string
	event   Event
}

func newValidator(src io.Reader, s *grammar.Schema, kind Kind, opt Options) *validator {
	if opt.Limits.Elements == 0 {
		opt.Limits.Elements = 200_000_000 // the pass is cheap and constant in memory
	}
	if opt.MaxErrors == 0 {
		opt.MaxErrors = defaultMaxErrors
	}
	v := &validator{r: xmltok.NewReader(src, opt.Limits), schema: s, kind: kind, opt: opt,
		report: Report{Kind: kind}, frames: make([]frame, 1, 64), labels: make(map[string]string)}
	v.event.v = v
	return v
}

// run reads the document to its end, to the first fault of XML, or until
// there are too many findings.
func (v *validator) run(ctx context.Context) error {
	err := v.loop(ctx)
	v.report.Bytes = v.r.Offset()
	v.report.Elements = v.r.Elements()
	if err == io.EOF {
		return nil
	}
	var bad *xmltok.Error
	if errors.As(err, &bad) {
		v.add(bad.Pos, string(bad.Code), LevelError, bad.Msg, xmlHint(bad.Code))
		return nil
	}
	return err
}

func (v *validator) loop(ctx context.Context) error {
	for n := 0; ; n++ {
		if n&1023 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		kind, err := v.r.Next()
		if err != nil {
			return err
		}
		switch kind {
		case xmltok.StartElement:
			v.start()
		case xmltok.EndElement:
			v.end()
		case xmltok.Text, xmltok.CData:
			v.characters(kind)
		default:
			continue
		}
		if v.report.Truncated {
			return io.EOF
		}
	}
}

// add records a finding about the innermost open element.
func (v *validator) add(pos xmltok.Pos, rule string, level Level, message, hint string) {
	if v.opt.MaxErrors > 0 && len(v.report.Findings) >= v.opt.MaxErrors {
		v.report.Truncated = true
		return
	}
	v.report.Findings = append(v.report.Findings, Finding{Line: pos.Line, Column: pos.Column,
		Path: v.path(), Rule: rule, Level: level, Message: message, Hint: hint})
}

// wrong records an error of the schema at the current token.
func (v *validator) wrong(rule, hint, format string, args ...any) {
	v.add(v.r.Pos(), rule, LevelError, fmt.Sprintf(format, args...), hint)
}
