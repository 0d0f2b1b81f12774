package api

import (
	"strconv"
	"strings"

	"feedmill/feed"
)

// etag is the tag of a version. It is for If-Match: what a schedule or a reader's
// request moves is no change of the record, so no answer is spared by it.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

func splitTags(header string) (tags []string) {
	for t := range strings.SplitSeq(header, ",") {
		tags = append(tags, strings.TrimSpace(t))
	}
	return tags
}

// readVersion looks at If-Match.
func (c *call) readVersion() error {
	lines := c.r.Header["If-Match"]
	if len(lines) == 0 || !c.op.versioned {
		return nil
	}
	c.ifMatch = strings.TrimSpace(lines[0])
	if len(lines) > 1 || c.ifMatch != "*" && taggedVersion(c.ifMatch) <= 0 {
		return refuse(problemParameter, `If-Match is one ETag as an answer gave it, such as "3", or *`)
	}
	return nil
}

// taggedVersion gives the version of a tag, 0 for what is none.
func taggedVersion(tag string) int64 {
	text, begun := strings.CutPrefix(tag, `"`)
	text, ended := strings.CutSuffix(text, `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !begun || !ended {
		return 0
	}
	return n
}

// version gives the version that the change was made from: as the body or as
// If-Match says. "*" means whatever stands there now, which is current.
func (c *call) version(body opt[int64], current int64) (int64, error) {
	switch tag := c.ifMatch; {
	case tag == "" && !body.Set:
		return 0, &refusal{kind: problemVersion, hint: "send the version in the body or the ETag in If-Match"}
	case tag == "":
		return body.Value, nil
	case tag == "*" && !body.Set:
		return current, nil
	case tag == "*":
		return body.Value, nil
	case body.Set && taggedVersion(tag) != body.Value:
		return 0, refuse(problemParameter, "If-Match and the body name two versions")
	default:
		return taggedVersion(tag), nil
	}
}

func isForbidden(err error) bool { return err != nil && feed.KindOf(err) == feed.KindForbidden }

func isMissing(err error) bool { return err != nil && feed.KindOf(err) == feed.KindNotFound }
