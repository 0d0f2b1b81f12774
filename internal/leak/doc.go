// Package leak finds secrets where none may be: in logs, answers, files and
// databases, whatever they have been wrapped in on the way.
//
// It owns two ways of finding. By shape: links, keys of the API and sessions have
// a prefix and a checksum, so a valid one is known wherever it stands, without
// knowing which. By canary: a text that somebody has put in, in plain, escaped,
// as hexadecimal and in base64 at every alignment. Both look into gzip as well,
// also within gzip and base64. It refuses to know what a place is for, and
// therefore whether a secret may stand there.
package leak
