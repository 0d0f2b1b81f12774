// Package s3store keeps objects in a bucket of any S3 server. It owns how the
// S3 protocol is used so that the contract of package storage holds also on
// servers that implement it loosely; it refuses to know what the objects mean.
//
// What it relies on is little: PutObject and CompleteMultipartUpload make an
// object visible whole; HEAD, GET and ListObjectsV2 show it at once; user
// metadata comes back. It never relies on conditional writes, ETags as
// checksums, lifecycle rules or versions.
//
// Requests carry a plain Content-Length and a signed payload, and none of the
// newer checksum trailers, which several providers refuse. Bodies are sent from
// memory: what fits one part in one request, the rest as a multipart upload of
// which a bounded number of parts is held at a time.
//
// Any error of a request that changes something is taken as "unknown", because
// an answer may be lost, and the SDK's own repetition can turn a success into a
// refusal. Each upload carries a random token in its metadata; HEAD tells
// whether the object in place is ours. The same HEAD checks a reported success.
package s3store
