package partner

// Pulse tells whether something of a merchant has changed: each number is
// another one when what it stands for has. Nothing else can be read from it.
type Pulse struct {
	Audit, Runs, Held, Imports, Downloads int64
}
