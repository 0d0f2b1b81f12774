package iof

import (
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
)

// Preset is what preset.xml says: settings that a supplier proposes to the
// importing program (IOF 7.9). Everything is optional.
type Preset struct {
	// Generated is when the file was made.
	Generated time.Time
	// Supplier, Currency and URL (of the gateway) are for the importer's form.
	Supplier feed.Supplier
	Currency feed.Currency
	URL      string
	// GatewayGenerated, Created and Expires are the gateway's times.
	GatewayGenerated, Created, Expires time.Time
	// Settings are further keys, in any order; one that a field above gives too wins.
	Settings []Setting
}

// Setting is one key of a [Preset] with its value: a text, true or false, a
// whole number, or a time as 2026-03-02T01:10:00, as the key wants.
type Setting struct{ Name, Value string }

// Validate says which setting a preset file cannot carry: an unknown key, a
// key given twice, or a value of another type.
func (p *Preset) Validate() error {
	for i, s := range p.Settings {
		kind, ok := settingKind(s.Name)
		if !ok {
			return &feed.Error{Kind: feed.KindInvalid, Message: "preset setting " + strconv.Quote(s.Name) + " does not exist in IOF 3.0", Hint: "see the list in docs/format.md"}
		}
		if !settingFits(kind, s.Value) {
			return feed.Errorf(feed.KindInvalid, "preset setting %s: %.60q is not %s", s.Name, s.Value, settingWants[kind])
		}
		for _, t := range p.Settings[:i] {
			if s.Name == t.Name {
				return feed.Errorf(feed.KindInvalid, "preset setting %s is given twice", s.Name)
			}
		}
	}
	return nil
}

// The kinds of a setting.
const (
	settingText byte = iota
	settingBool
	settingInt
	settingTime
)

var settingWants = [...]string{"a text", "true or false", "a whole number", "a time such as 2026-03-02T01:10:00"}

// settingNames are the keys in the order of writing. A sign in front tells the
// kind: ? true or false, # a whole number, @ a time.
const settingNames = `long_name short_name showcase_image_url description email tel fax www
address_street address_zipcode address_city address_country currency url
full light categories sizes ?categories_auto_mapping ?selected remote_gateway ?fully_configured
?external_program external_program_xml_path producers units parameters stocks series traits
?sizes_auto_mapping ?series_auto_mapping ?units_auto_mapping size_code_prefix old_size_code_prefix
size_code_producer_prefix old_size_code_producer_prefix #iai_shop_deliverer_id plugin_id
?size_code_auto ?size_code_code_size #update_name #update_short_description #update_long_description
#update_version_name #update_series #update_producer #update_category #update_unit #update_price
#update_icon #update_images #update_quantities products_allowed_operations #update_code_producer
#update_deliverer #version_mode ?debug_product_import ?debug_product_update
?debug_product_always_import ?debug_product_always_update @gatewayGeneratedOn full_lastModified
light_lastModified categories_lastModified sizes_lastModified producers_lastModified units_lastModified
series_lastModified warranties_lastModified providerImageLastModified imageHash @offerCreated
@offerExpires categories_xml_generated producers_xml_generated series_xml_generated sizes_xml_generated
units_xml_generated warranties_xml_generated full_xml_generated light_xml_generated warranties
#clonedProductsMode #updateExtSysCodePending ?overwrite_products #update_weight #update_visibility
#SRP_price #STP_price #offer_from_bridge #update_size culture_info`

// splitSetting takes the sign off a word of [settingNames].
func splitSetting(word string) (name string, kind byte) {
	if i := strings.IndexByte("?#@", word[0]); i >= 0 {
		return word[1:], byte(i) + 1
	}
	return word, settingText
}

func settingKind(name string) (byte, bool) {
	for word := range strings.FieldsSeq(settingNames) {
		if n, kind := splitSetting(word); n == name {
			return kind, true
		}
	}
	return 0, false
}

// settingFits says whether the schema admits a value.
func settingFits(kind byte, v string) bool {
	switch kind {
	case settingBool:
		return v == "true" || v == "false"
	case settingInt:
		_, err := strconv.ParseInt(v, 10, 32)
		return err == nil
	case settingTime:
		_, err := time.Parse(presetTime, v)
		return err == nil
	}
	return true
}

const presetTime = "2006-01-02T15:04:05"

// AppendPreset writes preset.xml: one element for each setting, in one fixed
// order. What [Preset.Validate] refuses is left out. Its schema knows neither
// the generator nor a language, and its values are plain text.
func (w *Writer) AppendPreset(dst []byte, p Preset) []byte {
	values := make(map[string]string, 32)
	s := &p.Supplier
	for _, t := range [...]Setting{
		{"long_name", s.Name}, {"short_name", firstText(s.ShortName, s.Name)}, {"showcase_image_url", s.LogoURL},
		{"email", s.Email}, {"tel", s.Phone}, {"fax", s.Fax}, {"www", s.Website},
		{"address_street", s.Street}, {"address_zipcode", s.Zipcode}, {"address_city", s.City}, {"address_country", s.Country},
		{"currency", p.Currency.String()}, {"url", p.URL},
		{"gatewayGeneratedOn", presetText(p.GatewayGenerated)}, {"offerCreated", presetText(p.Created)}, {"offerExpires", presetText(p.Expires)},
	} {
		values[t.Name] = t.Value
	}
	given := make(map[string]bool, len(p.Settings))
	for _, t := range p.Settings {
		if kind, ok := settingKind(t.Name); ok && settingFits(kind, t.Value) && !given[t.Name] {
			values[t.Name], given[t.Name] = t.Value, true
		}
	}
	dst = w.appendRoot(dst, "preset")
	dst = appendTimeAttr(dst, ` generated="`, p.Generated)
	dst = append(dst, ">\n"...)
	for word := range strings.FieldsSeq(settingNames) {
		name, _ := splitSetting(word)
		v := values[name]
		if !hasText(v) {
			continue
		}
		dst = append(append(append(dst, '<'), name...), '>')
		dst = appendPlain(dst, v)
		dst = append(append(append(dst, "</"...), name...), ">\n"...)
	}
	return append(dst, "</preset>\n"...)
}

func presetText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(presetTime)
}
