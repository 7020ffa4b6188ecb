package clamd

import (
	"fmt"
	"strings"
	"time"
)

// text is STATS' reply. Numbers stand where clamd's do; what we do not know is
// N/A, as clamd says it.
func (s Stats) text(idle time.Duration) string {
	const mega = 1 << 20
	return fmt.Sprintf("POOLS: 1\n\nSTATE: VALID PRIMARY\n"+
		"THREADS: live %d  idle %d max %d idle-timeout %d\n"+
		"QUEUE: %d items\n\n"+
		"MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 1 pools_used %.3fM pools_total %.3fM\n"+
		"END", s.Live, s.Idle, s.Max, int(idle.Seconds()), s.Queue, float64(s.Memory)/mega, float64(s.MemoryMax)/mega)
}

// commandList is what VERSIONCOMMANDS says behind the version.
func commandList() string {
	var b strings.Builder
	b.WriteString("| COMMANDS:")
	for _, v := range verbs {
		b.WriteString(" " + v.name)
	}
	return b.String()
}
