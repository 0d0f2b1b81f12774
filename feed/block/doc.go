// Package block keeps files of products as blocks that are compressed once.
//
// A file is a header, the nodes of products by ascending id, and a footer.
// The nodes are cut into blocks at places that the ids alone decide, and each
// block becomes a segment of raw deflate that refers to nothing before it. Put
// together under one gzip header and one trailer they are one ordinary gzip
// member, which every reader reads whole. An [Index] tells what lies where. So
//
//   - a generation takes the segments of blocks that did not change from the
//     file before it, without compressing or even inflating them ([Writer.Keep],
//     [Writer.Update]), makes that of a block in which little has changed out of
//     the one before (package mend), and a block that several files have is
//     compressed once ([Pool]);
//   - any range of the plain form is had by inflating the blocks that it
//     touches ([Reader]);
//   - equal nodes give equal plain bytes, whichever way a file was made, and equal
//     compressed ones where the file before is the same too.
//
// It owns boundaries, segments, stitching and random access. It refuses to
// know what a node says: to it a node is bytes with an id. Where files lie is
// the caller's affair ([Source]).
package block
