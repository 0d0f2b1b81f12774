package feed

import (
	"fmt"
	"strings"
)

var (
	typeNames     = [...]string{"regular", "packaging", "virtual", "bundle", "collection", "service"}
	warrantyNames = [...]string{"", "seller", "producer", "none"}
	choiceNames   = [...]string{"client_chooses_size", "client_chooses_variant", "client_chooses_defined_size", "client_chooses_defined_size_as_separate_items"}
)

// ParseProductType reads product@type; "" is a regular product.
func ParseProductType(s string) (ProductType, error) {
	if s == "" {
		return TypeRegular, nil
	}
	i, err := parseName(typeNames[:], s, "product type")
	return ProductType(i), err
}

// String gives the name as IOF writes it.
func (t ProductType) String() string { return typeNames[t] }

// ParseWarrantyKind reads warranty@type; "" is [WarrantyUnset].
func ParseWarrantyKind(s string) (WarrantyKind, error) {
	i, err := parseName(warrantyNames[:], s, "warranty type")
	return WarrantyKind(i), err
}

// String gives the name as IOF writes it, "" for [WarrantyUnset].
func (k WarrantyKind) String() string { return warrantyNames[k] }

// ParseComponentChoice reads bundled/product@type.
func ParseComponentChoice(s string) (ComponentChoice, error) {
	i, err := parseName(choiceNames[:], s, "component type")
	return ComponentChoice(i), err
}

// String gives the name as IOF writes it.
func (c ComponentChoice) String() string { return choiceNames[c] }

// ParseFlag reads yes, y, no or n; "" is [FlagUnset].
func ParseFlag(s string) (Flag, error) {
	switch s {
	case "":
		return FlagUnset, nil
	case "y", "yes":
		return FlagYes, nil
	case "n", "no":
		return FlagNo, nil
	}
	return 0, fmt.Errorf("%.40q is neither yes nor no", s)
}

// String gives y, n, or "" for [FlagUnset].
func (f Flag) String() string { return [...]string{"", "n", "y"}[f] }

// parseName finds s, trimmed, among names.
func parseName(names []string, s, what string) (int, error) {
	t := strings.TrimSpace(s)
	for i, n := range names {
		if n == t {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%.60q is not a %s (one of %s)", s, what, strings.TrimPrefix(strings.Join(names, ", "), ", "))
}

// ParameterContexts lists the machine meanings of a parameter (IOF 4.12).
func ParameterContexts() []string { return strings.Fields(parameterContexts) }

// ValueContexts lists the machine meanings of a parameter's value (IOF 4.12).
func ValueContexts() []string { return strings.Fields(valueContexts) }

// IsParameterContext says whether s is one of [ParameterContexts].
func IsParameterContext(s string) bool { return s == "HEEL_HEIGHT" || isContext(parameterContexts, s) }

// IsValueContext says whether s is one of [ValueContexts].
func IsValueContext(s string) bool { return isContext(valueContexts, s) }

// isContext finds a whole word of the list without splitting it.
func isContext(list, s string) bool {
	if !strings.HasPrefix(s, "CONTEXT_") || strings.ContainsAny(s, " \n\t") {
		return false
	}
	for rest := list; ; {
		i := strings.Index(rest, s)
		if i < 0 {
			return false
		}
		end := i + len(s)
		if (i == 0 || rest[i-1] <= ' ') && (end == len(rest) || rest[end] <= ' ') {
			return true
		}
		rest = rest[end:]
	}
}

const parameterContexts = `CONTEXT_STD_UNIT_LENGTH_CM CONTEXT_STD_UNIT_LENGTH CONTEXT_MOVIE_RELEASE_DATE
CONTEXT_MOVIE_ORIGINAL_TITLE CONTEXT_AGE_GROUP CONTEXT_ENERGY_EFFICIENCY_CLASS CONTEXT_COLOR CONTEXT_BOOK_AUTHOR
CONTEXT_BOOK_PUBLICATION_DATE CONTEXT_BOOK_PAGES_NUMBER CONTEXT_BOOK_PUBLICATION_LANGUAGE CONTEXT_PRESCRIPTION_MEDICINE
CONTEXT_STD_UNIT_QUANTITY_PACKAGE CONTEXT_MAX_SIZE_QUANTITY_PER_RETAIL_ORDER CONTEXT_MAX_SIZE_QUANTITY_PER_WHOLESALE_ORDER
CONTEXT_MAX_QUANTITY_PER_RETAIL_ORDER CONTEXT_MAX_QUANTITY_PER_WHOLESALE_ORDER CONTEXT_MIN_SIZE_QUANTITY_PER_RETAIL_ORDER
CONTEXT_MIN_SIZE_QUANTITY_PER_WHOLESALE_ORDER CONTEXT_MIN_QUANTITY_PER_RETAIL_ORDER CONTEXT_MIN_QUANTITY_PER_WHOLESALE_ORDER
CONTEXT_MODEL CONTEXT_STD_UNIT_VOLUME_SI CONTEXT_STD_UNIT_VOLUME_M3 CONTEXT_STD_UNIT_VOLUME CONTEXT_DOCUMENTS_JPK_VAT
CONTEXT_SEX CONTEXT_STD_UNIT_AREA_M2 CONTEXT_SEASON CONTEXT_STATE CONTEXT_STD_UNIT_WIDTH_CM CONTEXT_ONLY_ADULTS
CONTEXT_STD_OVERHEAD_WEIGHT CONTEXT_WEIGHT_NET CONTEXT_WEIGHT_PACKAGING CONTEXT_STD_UNIT_WEIGHT CONTEXT_STD_UNIT_WEIGHT_SI
CONTEXT_STD_UNIT_HEIGHT_CM CONTEXT_HEEL_HEIGHT HEEL_HEIGHT`

const valueContexts = `CONTEXT_AGE_GROUP_ADULT CONTEXT_AGE_GROUP_MINOR CONTEXT_PRESCRIPTION_MEDICINE_YES
CONTEXT_PRESCRIPTION_MEDICINE_NO CONTEXT_SEX_MAN CONTEXT_SEX_WOMAN CONTEXT_SEX_UNISEX CONTEXT_STD_UNIT_DEFAULT
CONTEXT_STD_UNIT_WHOLE CONTEXT_STD_UNIT_TENS CONTEXT_STD_UNIT_HUNDREDS CONTEXT_STD_UNIT_ONES CONTEXT_SEASON_SPRING
CONTEXT_SEASON_SUMMER CONTEXT_SEASON_FALL CONTEXT_SEASON_WINTER CONTEXT_SEASON_SPRING_SUMMER CONTEXT_SEASON_FALL_WINTER
CONTEXT_STATE_NEW CONTEXT_STATE_NEW_OTHERS CONTEXT_STATE_NEW_WITH_DEFECTS CONTEXT_STATE_USED
CONTEXT_STATE_REFURBISHED_BY_PRODUCER CONTEXT_STATE_REFURBISHED_BY_SELLER CONTEXT_STATE_FOR_PARTS_OR_BROKEN
CONTEXT_ONLY_ADULTS_YES CONTEXT_ONLY_ADULTS_NO`
