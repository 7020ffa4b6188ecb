package clamd

import (
	"errors"
	"fmt"
	"time"

	"qguard/scan"
)

// instream reads a stream. The job judges it.
func (c *conn) instream(r reply) (job func(), err error) {
	start := time.Now()
	spool := c.server.Host.Spool()
	if err := c.spool(spool, int64(c.rules().Limit.Size)); err != nil {
		c.logUnread(start, spool.Size(), err)
		spool.Close()
		return nil, err
	}
	return func() {
		defer spool.Close()
		m := scan.Message{Content: spool, Size: spool.Size()}
		r.about("stream", c.judge(m, start).line())
	}, nil
}

// spool writes chunks to s up to the one without bytes. The limit is held
// against a chunk's announced length, before its bytes are there.
func (c *conn) spool(s *scan.Spool, limit int64) error {
	for {
		length, err := c.next4()
		if err != nil || length == 0 {
			return err
		}
		if int64(length) > limit-s.Size() {
			return errSize
		}
		for left := int(length); left > 0; {
			if c.r == c.w {
				if err := c.more(); err != nil {
					return err
				}
			}
			n := min(left, c.w-c.r)
			if _, err := s.Write(c.buf[c.r : c.r+n]); errors.Is(err, scan.ErrTooLong) {
				return errSize // of rules that are newer
			} else if err != nil {
				return fmt.Errorf("%w: %w", errSpool, err)
			}
			c.r += n
			left -= n
		}
	}
}
