package publish

import (
	"bytes"
	"strconv"

	"feedmill/feed"
)

// nodes are the product nodes of one of our full or change files, one after the
// other.
type nodes struct {
	rest, node []byte
	id         feed.ProductID
}

// Texts in our files are CDATA sections or escaped, so that outside of the
// former these bytes mean what they say.
var (
	nodeStart   = []byte(`<product id="`)
	nodeEnd     = []byte("</product>\n")
	nodeRemoved = []byte("\" removed=\"yes\"/>\n")
	cdataStart  = []byte("<![CDATA[")
	cdataEnd    = []byte("]]>")
)

// next goes on to the next node; false when there is no whole one.
func (n *nodes) next() bool {
	size := nodeSize(n.rest)
	if size == 0 {
		n.id, n.node, n.rest = feed.MaxProductID+1, nil, nil
		return false
	}
	n.node, n.rest = n.rest[:size], n.rest[size:]
	n.id = nodeID(n.node)
	return true
}

// nodeID reads the id of a node, 0 where it has none that can be.
func nodeID(node []byte) feed.ProductID {
	text := node[len(nodeStart):]
	i := bytes.IndexByte(text, '"')
	if i < 0 || i > 20 {
		return 0
	}
	id, err := strconv.ParseInt(string(text[:i]), 10, 64)
	if err != nil || id < 1 || id > feed.MaxProductID {
		return 0
	}
	return feed.ProductID(id)
}

// nodeSize gives the length of the node at the start of b, with its line feed;
// 0 where b does not start with a whole one. A node is a line but for its texts,
// and a line feed and a bracket are looked for quicker than what they are part of.
func nodeSize(b []byte) int {
	if !bytes.HasPrefix(b, nodeStart) {
		return 0
	}
	head := len(nodeStart)
	if i := bytes.IndexByte(b[head:], '"'); i >= 0 && bytes.HasPrefix(b[head+i:], nodeRemoved) {
		return head + i + len(nodeRemoved)
	}
	at := head
	for {
		line := bytes.IndexByte(b[at:], '\n')
		if line < 0 {
			return 0
		}
		if text := textStart(b[at : at+line]); text >= 0 {
			at += text
			closed := bytes.Index(b[at:], cdataEnd)
			if closed < 0 {
				return 0
			}
			at += closed + len(cdataEnd)
			continue
		}
		at += line + 1
		if bytes.HasSuffix(b[:at], nodeEnd) {
			return at
		}
	}
}

// textStart gives where the first CDATA section of b has its text, -1 where there
// is none.
func textStart(b []byte) int {
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '[')
		if i < 0 {
			return -1
		}
		at += i + 1
		// The start of a section has two brackets: the first is not the end of it.
		if bytes.HasSuffix(b[:at], cdataStart) {
			return at
		}
	}
}
