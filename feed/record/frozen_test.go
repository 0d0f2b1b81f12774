package record

// The digests of documents of version 1 that hold something in every field.
const (
	frozenProduct      = "51e9a7db52820cb0b108d1a0fcf9b9e1"
	frozenDictionaries = "67880c97b288bb0a3a60a7dbf284b5c8"
)
