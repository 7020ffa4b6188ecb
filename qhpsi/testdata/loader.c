/*
 * loader does what IndiMail's qhpsi does with plugins (qhpsi.c; qmail-contract.md
 * section 3): dlopen, dlsym, call, dlclose of each until one answers other than
 * 0, which becomes the exit status, modulo 256.
 *
 *	loader [-s] [-n times] message plugin...
 *
 * It exits 57 when a plugin cannot be loaded, 90 when one leaves a descriptor or
 * a child, 91 when one changes what signals do, 92 with -s in a process that was
 * not setuid. -n calls each as often.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

static int descriptors(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	if (!d) _exit(93);
	while (readdir(d)) n++;
	closedir(d);
	return n;
}

struct disposition {
	void (*handler)(int);
	int flags, blocked;
};

static void signals(struct disposition *all)
{
	sigset_t blocked;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int i = 1; i < 65; i++) {
		struct sigaction a = {0};
		if (sigaction(i, NULL, &a)) continue; /* libc's own */
		all[i] = (struct disposition){a.sa_handler, a.sa_flags, sigismember(&blocked, i)};
	}
}

int main(int argc, char **argv)
{
	static struct disposition before[65], after[65];
	int times = 1, opt, status = 0;
	while ((opt = getopt(argc, argv, "sn:")) != -1) {
		if (opt == 'n') times = atoi(optarg);
		if (opt == 's' && !getauxval(AT_SECURE)) return 92;
	}
	const char *message = argv[optind++];
	signals(before);
	int open_before = descriptors();
	for (; optind < argc && status == 0; optind++) {
		void *plugin = dlopen(argv[optind], RTLD_LAZY | RTLD_GLOBAL);
		if (!plugin) return 57;
		int (*scan)(const char *) = (int (*)(const char *))dlsym(plugin, "virusscan");
		if (!scan) return 57;
		for (int i = 0; i < times; i++) status = scan(message);
		dlclose(plugin);
	}
	signals(after);
	if (descriptors() != open_before || waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) return 90;
	if (memcmp(before, after, sizeof before)) return 91;
	return status & 255;
}
