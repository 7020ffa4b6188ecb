package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A victimDaemon is a qguardd that is killed and started again, over and over.
type victimDaemon struct {
	program, conf, socket string
	random                *rand.Rand
	kills, answered       int
	stop, stopped         chan struct{}
}

// daemon sends messages while the qguardd that judges them is killed at random
// moments: each is queued or held once, or refused for now.
func (t *torture) daemon(program string, seed uint64, n, parallel int) error {
	socket := filepath.Join(filepath.Dir(t.conf), "clamd")
	// It becomes nobody, who must come to its rules and its socket's directory.
	if err := os.Chmod(filepath.Dir(t.conf), 0o777); err != nil {
		return err
	}
	if err := t.rules(fmt.Sprintf("[daemon]\nuser = \"nobody\"\nclamd = [\"unix:%s\"]\nsocket = \"unix:%[1]s\"\n", socket)); err != nil {
		return err
	}
	d := &victimDaemon{
		program: program, conf: t.conf, socket: socket, random: rand.New(rand.NewPCG(seed, 2)),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go d.run()
	mails := make([]*mail, n)
	for i := range mails {
		mails[i] = newMail(seed, i, false)
	}
	t.excused = true
	_, err := t.sendAll(mails, parallel, func(*mail) time.Duration { return 0 })
	close(d.stop)
	<-d.stopped
	if err != nil {
		return err
	}
	t.count(mails)
	fmt.Printf("qguardd killed                 %5d\n", d.kills)
	if d.kills == 0 || d.answered == 0 {
		t.wrong("qguardd answered %d times and was killed %d times", d.answered, d.kills)
	}
	return nil
}

// run starts it, lets it answer for a moment, and kills it.
func (d *victimDaemon) run() {
	defer close(d.stopped)
	for {
		cmd := exec.Command(d.program, "-c", d.conf)
		if err := cmd.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "torture:", err)
			return
		}
		for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if conn, err := net.Dial("unix", d.socket); err == nil {
				conn.Close()
				d.answered++
				break
			}
		}
		ended := false
		select {
		case <-d.stop:
			ended = true
		case <-time.After(time.Duration(20+d.random.IntN(300)) * time.Millisecond):
		}
		cmd.Process.Kill()
		cmd.Wait()
		if ended {
			return
		}
		d.kills++
	}
}
