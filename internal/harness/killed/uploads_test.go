package killed_test

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"feedmill/internal/harness/site"
)

// uploads counts the uploads in parts that were begun and have not ended.
func (y *yard) uploads() int {
	y.t.Helper()
	b := y.place.S3
	client := s3.New(s3.Options{BaseEndpoint: &b.Endpoint, Region: b.Region, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: b.AccessKey, SecretAccessKey: b.SecretKey}, nil
		})})
	page, err := client.ListMultipartUploads(y.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.Name})
	if err != nil {
		y.t.Fatal(err)
	}
	return len(page.Uploads)
}

// leftParts wants the upload that was under way when the program was killed, and
// no other.
func (y *yard) leftParts() {
	y.t.Helper()
	want := 0
	if strings.HasPrefix(y.killedAt, "s3store.multipart.") && y.killedAt != "s3store.multipart.completed" {
		want = 1
	}
	if n := y.uploads(); n != want {
		y.t.Errorf("%d uploads in parts are under way, want %d", n, want)
	}
}

// sweepParts has the daily sweep end what was broken off: after a day, and not
// before.
func (y *yard) sweepParts() {
	y.t.Helper()
	before := y.uploads()
	for _, c := range []struct {
		after time.Duration
		left  int
	}{{23 * time.Hour, before}, {25 * time.Hour, 0}} {
		y.open(func() time.Time { return time.Now().Add(c.after) }, func(s *site.Site) {
			if err := s.SweepLeftovers(y.t.Context()); err != nil {
				y.t.Fatal(err)
			}
		})
		if n := y.uploads(); n != c.left {
			y.t.Errorf("%d uploads in parts are there after %v, want %d", n, c.after, c.left)
		}
	}
}
