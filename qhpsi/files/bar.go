package files

import (
	"fmt"
	"io"
	"strings"
	"time"

	"qguard/scan"
)

// bar draws progress on a terminal while a directory is walked: one line on
// standard error with the rate so far and the time left at that rate, redrawn at
// most ten times a second, wiped before anything else is printed and gone at the
// end.
type bar struct {
	w           io.Writer
	start, last time.Time
	done, total int
	drawn       bool
}

func newBar(w io.Writer, total int, walked bool) *bar {
	if !walked {
		w = nil
	}
	return &bar{w: w, start: time.Now(), total: total}
}

const barWidth = 30

// step counts one message and redraws.
func (b *bar) step(count map[scan.State]int) {
	b.done++
	now := time.Now()
	if b.w == nil || now.Sub(b.last) < 100*time.Millisecond {
		return
	}
	b.last, b.drawn = now, true
	filled := barWidth * b.done / b.total
	rate := float64(b.done) / max(now.Sub(b.start).Seconds(), 0.001)
	fmt.Fprintf(b.w, "\r[%s%s] %d/%d  %d found  %.0f/s  %s left \x1b[K",
		strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), b.done, b.total, count[scan.Found], rate,
		time.Duration(float64(b.total-b.done)/rate*float64(time.Second)).Round(time.Second))
}

// clear wipes the line.
func (b *bar) clear() {
	if b.w != nil && b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}
