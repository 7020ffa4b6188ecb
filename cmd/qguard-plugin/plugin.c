/*
 * qguard.so is a plugin for IndiMail's qhpsi (QHPSI="plugin: qguard.so"). It
 * holds no judgement: qguardd has it, or qguard-scan.
 *
 *	cc -O2 -fPIC -shared -o qguard.so plugin.c
 *
 * int virusscan(const char *path) answers 0 clean, 1 found, 2 could not tell.
 * The caller was setuid (AT_SECURE is set), runs under qmail's memory limit, in
 * the queue; its descriptor 1 is a pipe with the envelope, 2 the SMTP client's, 3
 * the message open for writing. So none of these is touched, no memory is
 * allocated, no signal handler set, and no descriptor and no child is left.
 *
 * qguardd gets the message's descriptor over its UNIX socket (SCM_RIGHTS) with
 * the command QGUARD, of which see package clamd and type Request of qhpsi:
 *
 *	C: zQGUARD outgoing=1&client=192.0.2.1&user=jdoe NUL, another NUL
 *	S: subject: OK NUL   subject: NAME FOUND NUL   subject: text ERROR NUL
 *
 * A reply that is over 512 bytes, cut off, followed by more, late or of another
 * form is no verdict, nor is a missing qguardd: there is no silent second way.
 * Built with QGUARD_SOCKET="" it runs QGUARD_SCAN, which answers by exit status.
 *
 * Whom it asks and how long is compiled in. The environment is in part the SMTP
 * client's: it gives the facts of the session alone, as qguard-scan takes them.
 * RELAYCLIENT, or AUTHENTICATED that is not 0, says that the mail is our own
 * users', and only then TCPREMOTEINFO is who; TCPREMOTEIP is the client where it
 * reads as an address.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef QGUARD_SOCKET
#define QGUARD_SOCKET "/run/qguard/clamd.sock"
#endif
#ifndef QGUARD_SCAN
#define QGUARD_SCAN "/usr/local/bin/qguard-scan"
#endif
#ifndef QGUARD_TIMEOUT
#define QGUARD_TIMEOUT 60 /* seconds for all of it */
#endif

enum { clean, found, undecided };

static long long now(void) /* milliseconds */
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* add appends one pair of a URL's query. */
static char *add(char *to, const char *key, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	to = stpcpy(to, key);
	for (; *value; value++) to += sprintf(to, strchr(plain, *value) ? "%c" : "%%%02X", (unsigned char)*value);
	return to;
}

/* describe writes the request and returns its length, 0 for an impossible user. */
static size_t describe(char text[4096])
{
	const char *login = getenv("AUTHENTICATED"), *user = getenv("TCPREMOTEINFO"), *client = getenv("TCPREMOTEIP");
	int outgoing = getenv("RELAYCLIENT") || (login && *login && strcmp(login, "0"));
	struct in6_addr address;
	char *to = stpcpy(text, "zQGUARD ");
	if (outgoing && user && strlen(user) > 1024) return 0;
	if (outgoing) to = add(to, "outgoing=", "1");
	if (outgoing && user && *user) to = add(to, "&user=", user);
	if (client && strlen(client) < INET6_ADDRSTRLEN &&
	    (inet_pton(AF_INET, client, &address) == 1 || inet_pton(AF_INET6, client, &address) == 1))
		to = add(to, outgoing ? "&client=" : "client=", client);
	*to++ = 0;
	*to++ = 0; /* clamd wants a byte after a command that passes a descriptor */
	return (size_t)(to - text);
}

/* dial connects to qguardd. connect does not wait for room in a server's queue. */
static int dial(long long deadline)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = QGUARD_SOCKET};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (s >= 0 && connect(s, (struct sockaddr *)&to, sizeof to) < 0) {
		if (errno != EAGAIN || now() >= deadline) return close(s), -1;
		poll(NULL, 0, 10);
	}
	return s;
}

static int pass(int s, int fd, char *text, size_t size)
{
	struct iovec v = {text, size};
	union { char space[CMSG_SPACE(sizeof fd)]; struct cmsghdr head; } control = {{0}};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	return sendmsg(s, &m, MSG_NOSIGNAL) == (ssize_t)size;
}

static int ends(const char *text, size_t n, const char *with)
{
	return n > strlen(with) && strcmp(text + n - strlen(with), with) == 0;
}

/* reply reads the verdict. A limit that qguardd reached is not a finding, even
 * where the rules let it say so to please rspamd. */
static int reply(int s, long long deadline)
{
	char text[512];
	size_t n = 0;
	for (long long left; n < sizeof text && (left = deadline - now()) > 0;) {
		struct pollfd p = {s, POLLIN, 0};
		ssize_t got = poll(&p, 1, (int)left) < 0 ? -1 : recv(s, text + n, sizeof text - n, 0);
		if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
		if (got <= 0) return undecided;
		n += (size_t)got;
		const char *end = memchr(text, 0, n);
		if (!end) continue;
		if (end != text + --n || ends(text, n, ": Heuristics.Limits.Exceeded.QGuard FOUND")) return undecided;
		return ends(text, n, ": OK") ? clean : ends(text, n, " FOUND") ? found : undecided;
	}
	return undecided;
}

static int ask(const char *path, long long deadline)
{
	char text[4096];
	size_t size = describe(text);
	struct stat st;
	int answer = undecided, s, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) return undecided;
	if (size > 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (s = dial(deadline)) >= 0) {
		if (pass(s, fd, text, size)) answer = reply(s, deadline);
		close(s);
	}
	close(fd);
	return answer;
}

/* child becomes qguard-scan. Under qmail's soft memory limit no Go program
 * starts, so the limits are raised to the hard ones. */
static void child(char **argv, char **env)
{
	struct rlimit l;
	int fd, null = open("/dev/null", O_RDWR);
	setpgid(0, 0);
	for (fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0) return;
	for (; fd < 256; fd++) close(fd);
	if (getrlimit(RLIMIT_AS, &l) == 0) l.rlim_cur = l.rlim_max, setrlimit(RLIMIT_AS, &l);
	if (getrlimit(RLIMIT_DATA, &l) == 0) l.rlim_cur = l.rlim_max, setrlimit(RLIMIT_DATA, &l);
	execve(argv[0], argv, env);
}

static int run(const char *path, long long deadline)
{
	static const char *const facts[] = {"RELAYCLIENT", "AUTHENTICATED", "TCPREMOTEINFO", "TCPREMOTEIP"};
	char *argv[] = {QGUARD_SCAN, "--", (char *)path, NULL};
	char *env[7] = {"PATH=/usr/local/bin:/usr/bin:/bin", "QHPSI=1"}, **last = env + 2, *value;
	int status = 0;
	pid_t pid, ended;
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if ((value = getenv(facts[i]))) *last++ = value - strlen(facts[i]) - 1; /* NAME=value */
	if ((pid = fork()) == 0) {
		child(argv, env);
		_exit(undecided);
	}
	while (pid > 0 && (ended = waitpid(pid, &status, WNOHANG)) <= 0) {
		if (ended < 0 && errno != EINTR) return undecided;
		if (now() >= deadline) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
		}
		poll(NULL, 0, 1);
	}
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) < undecided ? WEXITSTATUS(status) : undecided;
}

__attribute__((visibility("default"))) int virusscan(const char *path)
{
	long long deadline = now() + (QGUARD_TIMEOUT) * 1000LL;
	return *QGUARD_SOCKET ? ask(path, deadline) : run(path, deadline);
}
