package queue

import (
	"context"
	"io"
)

// Send queues a message, size bytes of r, as it is. The error says why it was
// not taken; nothing was queued then, as far as the program's status tells.
func (n Next) Send(ctx context.Context, r io.ReaderAt, size int64, e Envelope) error {
	_, err := n.run(ctx, func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(r, 0, size))
		return err
	}, e)
	return err
}
