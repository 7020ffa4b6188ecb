package main

import "errors"

func readonlys() []fault {
	var list []fault
	for _, program := range all {
		list = append(list, fault{"readonly", program, "spool, quarantine, cache, keys", false, func(t *torture) (string, error) {
			if program == "qguard" { // which needs something held to lose
				if _, err := t.give(samples(3, "hold")); err != nil {
					return "", err
				}
				t.kept = true
			}
			var err error
			for _, dir := range []string{t.spool, t.dir + "/lib", t.dir + "/key"} {
				err = errors.Join(err, t.readonly(dir))
			}
			if program != "qguard" {
				t.quarantine = t.spool + "/quarantine"
			} else {
				err = errors.Join(err, t.readonly(t.quarantine))
			}
			if err != nil {
				return "", err
			}
			return t.use(program)
		}})
		if program == "qguardd" {
			continue // has to make its socket somewhere
		}
		list = append(list, fault{"readonly", program, "everything", false, func(t *torture) (string, error) {
			if !t.mounts {
				return "", leftOut("not root, or not allowed to mount")
			}
			t.under = append([]string{"unshare", "-m"}, shell(`mount -o remount,bind,ro / && mount --bind `+t.dir+` `+t.dir+` && mount -o remount,bind,ro `+t.dir+` && exec "$@"`)...)
			t.nothing = program == "qguard-queue" || program == "qguard-queue.sh" // nor can the queue
			return t.use(program)
		}})
	}
	return list
}
