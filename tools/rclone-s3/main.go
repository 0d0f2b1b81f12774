// Command rclone-s3 is rclone cut down to what serves a local folder or memory
// over the S3 protocol. The object-store tests start it as the second,
// independent S3 server beside versitygw. It lives in a module of its own so
// that rclone's dependencies stay out of feedmill's.
package main

import (
	_ "github.com/rclone/rclone/backend/local"
	_ "github.com/rclone/rclone/backend/memory"
	"github.com/rclone/rclone/cmd"
	_ "github.com/rclone/rclone/cmd/serve"
	_ "github.com/rclone/rclone/cmd/serve/s3"
)

func main() { cmd.Main() }
