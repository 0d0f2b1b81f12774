package s3store

// NewClient makes the client of a Store to which none was given.
var NewClient = newClient
