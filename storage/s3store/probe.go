package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"feedmill/storage"
)

// Step is one thing that feedmill asks of a bucket, and what became of it.
type Step struct {
	// Name says what was tried, such as "list objects".
	Name string
	// Right is what policies call the right that it takes.
	Right string
	// For says what of feedmill needs it.
	For string
	// Sweeper says that it was asked for with the key of sweeps.
	Sweeper bool
	// Err is nil where it works, and wraps ErrSkipped where it was not tried.
	Err error
}

// ErrSkipped means that a step was not tried, because one before it has failed.
var ErrSkipped = errors.New("not tried")

// Findings are what Probe has found out.
type Findings struct {
	Steps []Step
	// Versions says that the bucket keeps what is deleted as an old version.
	Versions bool
	// Left are the keys of objects that the probe, or one before it, has put and
	// could not delete.
	Left []string
	// Cleared are the keys of objects that a probe of a day ago or longer had left,
	// as one that was killed, and that are gone now.
	Cleared []string
}

// Look asks the bucket for what takes the least: to list, to read, and for a
// sweeper to list uploads. It costs two or three requests and puts nothing.
func (s *Store) Look(ctx context.Context, sweeper bool) []Step {
	p := &prober{ctx: ctx, sweeper: s, base: probeBase()}
	p.look(s, sweeper)
	if sweeper {
		p.listUploads()
	}
	return p.found.Steps
}

// Probe tries everything that feedmill does to a bucket, with objects of its own:
// put, see at once, read back with metadata, send in parts, delete. Sweeps may have
// a key of their own: sweeper is the Store with it, or s itself.
//
// The objects are named "probe/<random>-<step>" and removed again, with what
// probes that were killed have left. Where nothing may be deleted nothing is put.
func (s *Store) Probe(ctx context.Context, sweeper *Store) Findings {
	p := &prober{ctx: ctx, writer: s, sweeper: sweeper, base: probeBase()}
	p.look(s, false)
	if sweeper != s {
		p.look(sweeper, true)
	}
	p.listUploads()
	// Asked first for what is not there, and without Delete, which is content with that.
	if _, err := sweeper.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &sweeper.bucket, Key: sweeper.key(p.base)}); err != nil {
		p.step("delete an object", "s3:DeleteObject", forSweeps, true, err)
		p.held = fmt.Errorf("%w: what it puts could not be deleted", ErrSkipped)
	}
	p.put()
	p.parts()
	p.abort(s, false)
	if sweeper != s {
		p.abort(sweeper, true)
	}
	p.remove()
	return p.found
}

// Whom a step is for.
const (
	forAll     = "everything"
	forWorkers = "publishing"
	forSweeps  = "sweeps"
)

// ProbePrefix is what the keys of a probe begin with.
const ProbePrefix = "probe/"

func probeBase() string { return ProbePrefix + strings.ToLower(newToken()) }

type prober struct {
	ctx             context.Context
	writer, sweeper *Store
	base            string
	held            error    // why nothing may be put
	made            []string // keys that may have been put
	found           Findings
}

func (p *prober) step(name, right, whom string, sweeper bool, err error) {
	p.found.Steps = append(p.found.Steps, Step{name, right, whom, sweeper, classify(err)})
}

// look lists, and reads what is not there: a store says so only to who may do both.
func (p *prober) look(s *Store, sweeper bool) {
	whom := forAll
	if sweeper {
		whom = forSweeps
	}
	page, listErr := s.client.ListObjectsV2(p.ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: s.key(""), MaxKeys: aws.Int32(1)})
	if listErr == nil {
		listErr = checkListing(page)
	}
	p.step("list objects", "s3:ListBucket", whom, sweeper, classifyListing(listErr))
	err := fmt.Errorf("%w: without a listing a store does not say that an object is missing", ErrSkipped)
	if listErr == nil {
		if _, _, err = s.head(p.ctx, p.base); isNotFound(err) {
			err = nil
		}
	}
	p.step("read an object", "s3:GetObject", whom, sweeper, err)
}

func (p *prober) listUploads() {
	s := p.sweeper
	_, err := s.client.ListMultipartUploads(p.ctx, &s3.ListMultipartUploadsInput{Bucket: &s.bucket, Prefix: s.key(""), MaxUploads: aws.Int32(1)})
	if _, code := answer(err); code == "NoSuchUpload" {
		err = nil // what rclone says of a bucket that never had one
	}
	p.step("list uploads", "s3:ListBucketMultipartUploads", forSweeps, true, err)
}

// try gives the outcome of what puts an object, unless nothing may be put.
func (p *prober) try(do func() error) error {
	if p.held != nil {
		return p.held
	}
	return do()
}

// put puts an object and looks at it in every way.
func (p *prober) put() {
	s, key, body := p.writer, p.base+"-object", []byte("feedmill probe")
	var want storage.Info
	putErr := p.try(func() (err error) {
		p.made = append(p.made, key)
		want, err = s.Put(p.ctx, key, bytes.NewReader(body), int64(len(body)),
			storage.Attrs{ContentType: "text/plain", ContentEncoding: "identity", Immutable: true})
		return err
	})
	p.step("put an object", "s3:PutObject", forWorkers, false, putErr)
	then := func(name, right string, do func() error) {
		err := fmt.Errorf("%w: there is no object", ErrSkipped)
		if putErr == nil {
			err = do()
		}
		p.step(name, right, forWorkers, false, err)
	}
	then("read it back unchanged", "s3:GetObject", func() error { return p.readBack(key, body, want) })
	then("see it listed at once", "s3:ListBucket", func() error {
		listed := 0
		for info, err := range s.List(p.ctx, key) {
			if err != nil {
				return err
			}
			if info.Key == key {
				listed++
			}
		}
		if listed != 1 {
			return storage.Permanent(fmt.Errorf("a new object is listed %d times", listed))
		}
		return nil
	})
}

func (p *prober) readBack(key string, body []byte, want storage.Info) error {
	s := p.writer
	r, got, err := storage.OpenVerified(p.ctx, s, key, int64(len(body)), storage.Sum(body))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	if got.Attrs != want.Attrs {
		return storage.Permanent(fmt.Errorf("attributes come back as %+v instead of %+v", got.Attrs, want.Attrs))
	}
	out, err := s.client.HeadObject(p.ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: s.key(key)})
	if err != nil {
		return err
	}
	id := aws.ToString(out.VersionId)
	p.found.Versions = id != "" && id != "null" // "null" where they are kept no more
	return nil
}

// parts sends an object of one part.
func (p *prober) parts() {
	s, key := p.writer, p.base+"-parts"
	p.step("send an object in parts", "s3:PutObject", forWorkers, false, p.try(func() error {
		p.made = append(p.made, key)
		in := storage.NewIntake(p.ctx, strings.NewReader("one small part"), -1, storage.Digest{})
		u := &upload{Store: s, key: key, token: newToken(), in: in, partSize: s.partSize, attrs: storage.Attrs{ContentType: "text/plain", Immutable: true}}
		b, err := u.fill(u.firstBuffer(-1))
		if err != io.EOF {
			return err
		}
		// As if there were more to come.
		id, err := u.begin(p.ctx)
		if err != nil {
			return err
		}
		part, err := u.sendPart(p.ctx, id, 1, b)
		if err != nil {
			return errors.Join(err, u.abort(p.ctx, id))
		}
		_, err = u.complete(p.ctx, id, []types.CompletedPart{part})
		return err
	}))
}

// abort begins an upload and has it broken off with the key of by.
func (p *prober) abort(by *Store, sweeper bool) {
	s, key := p.writer, p.base+"-abort"
	whom := forWorkers
	if sweeper {
		whom = forSweeps
	}
	p.step("break off an upload", "s3:AbortMultipartUpload", whom, sweeper, p.try(func() error {
		u := &upload{Store: s, key: key, token: newToken(), attrs: storage.Attrs{ContentType: "text/plain"}}
		id, err := u.begin(p.ctx)
		if err != nil {
			return fmt.Errorf("%w: none could be begun", ErrSkipped)
		}
		err = (&upload{Store: by, key: key}).abort(p.ctx, id)
		if err != nil && by != s {
			err = errors.Join(err, u.abort(p.ctx, id))
		}
		return err
	}))
}

// remove deletes what was put, also for who has given up.
func (p *prober) remove() {
	if p.held != nil {
		return // it has been told
	}
	ctx, cancel := detached(p.ctx)
	defer cancel()
	var errs []error
	for _, key := range p.made {
		err := p.sweeper.Delete(ctx, key)
		if err == nil {
			if _, _, gone := p.sweeper.head(ctx, key); !isNotFound(gone) {
				err = storage.Permanent(fmt.Errorf("%q is still there after it was deleted (%v)", key, gone))
			}
		}
		if err != nil {
			p.found.Left = append(p.found.Left, p.sweeper.prefix+key)
			errs = append(errs, err)
		}
	}
	p.step("delete an object", "s3:DeleteObject", forSweeps, true, errors.Join(errs...))
	if len(errs) == 0 {
		p.clear(ctx)
	}
}

const (
	// probeOld is how old an object must be that no probe will remove any more.
	probeOld = 24 * time.Hour
	// probeLooks is how many names below probe/ are looked at: others may use it too.
	probeLooks = 1000
)

// clear deletes what earlier probes have left. That it cannot is no finding about
// the bucket: the objects of this one are gone.
func (p *prober) clear(ctx context.Context) {
	s, seen := p.sweeper, 0
	var old []string
	for info, err := range s.List(ctx, ProbePrefix) {
		if seen++; err != nil || seen > probeLooks {
			break
		}
		if info.Size >= 0 && isProbe(info.Key) && s.now().Sub(info.Modified) > probeOld {
			old = append(old, info.Key)
		}
	}
	for _, key := range old {
		if s.Delete(ctx, key) == nil {
			p.found.Cleared = append(p.found.Cleared, s.prefix+key)
		} else {
			p.found.Left = append(p.found.Left, s.prefix+key)
		}
	}
}

// isProbe reports whether a key is one that a probe puts.
func isProbe(key string) bool {
	name, ok := strings.CutPrefix(key, ProbePrefix)
	id, step, _ := strings.Cut(name, "-")
	return ok && len(id) == len(newToken()) && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == "" &&
		(step == "object" || step == "parts" || step == "abort")
}
