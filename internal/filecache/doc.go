// Package filecache stands between a file server and an object store, so that
// no byte of a wrong file is taken for a whole one.
//
// It owns two ways of doing that. A [Cache] keeps a bounded, verified copy of
// what was read from a distant store on the local disk, where the system can
// send it from. A [Checked] stands before a store whose objects are local files
// already, and has each of them verified once before it is believed. It refuses
// to know what the bytes mean, who may read them and which of them are current.
//
// # What a reader may assume
//
// A reader of either yields exactly the bytes asked for and then io.EOF, or an
// error. The last 64 KiB of what was asked for are handed out only when length
// and SHA-256 of the whole object have been found to be the recorded ones, so
// who passes the bytes on can still break the connection when they are not.
// Objects up to [Options].Wait bytes, and everything verified before, are handed
// out as a file, which the system sends by itself.
//
// # What is kept, and what happens when something breaks
//
// Of concurrent requests for one object a single one reads the store; the
// others follow the copy as it grows. The copy's size is reserved before its
// first byte is written, blocks of the file system included, and what was used
// longest ago makes room; a file that is being read is never counted as gone
// before it is. What does not fit, or cannot be written because the disk is
// full, is passed on from the store without being kept, up to a number of
// objects at a time.
//
// Copies have temporary names until they are verified. What a killed process
// has left is swept when the next one starts, and copies that it had finished
// are verified again before they are believed, so nothing needs to be synced.
//
// An object whose stored bytes are wrong is reported, and refused for a minute
// before the store is asked again. A copy that has become wrong on the local
// disk is moved aside, reported, and made anew.
package filecache
