/* spawn times commands that are run in turn:
 *
 *   spawn [-n runs] [-r rounds] [-p parallel] -- name status [VAR=value | N<file | N>file ...] command [arg ...] -- ...
 *
 * A round runs every command so many times, A B C A B C, so that a noisy minute
 * hurts all alike. With -p that many children are under way at a time. Standard
 * input and output of a child are /dev/null; N<file and N>file open others, N one
 * digit. A child that does not exit with its
 * status ends the whole run: an error must not be measured as a fast success.
 *
 * Prints a line for each command: name, median ms, least and greatest median of a
 * round, 99th percentile, greatest ru_maxrss in KB (this process's own is a
 * floor), page faults and CPU ms of a run on average, then every round's median. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct command { char *name, **argv, **env; int status, done; long rss, faults; double *ms, cpu; posix_spawn_file_actions_t files; } command[32];
static struct child { pid_t pid; struct command *command; double start; } child[64];
static int commands, running, runs = 100, rounds = 9, parallel = 1;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void start(struct command *c)
{
	struct child *k = child;
	while (k->pid)
		k++;
	k->command = c;
	k->start = now();
	if (posix_spawnp(&k->pid, c->argv[0], &c->files, NULL, c->argv, c->env))
		errx(1, "%s: cannot run %s", c->name, c->argv[0]);
	running++;
}

static void reap(void)
{
	int status;
	struct rusage use;
	pid_t pid = wait4(-1, &status, 0, &use);
	double end = now();
	struct child *k = child;
	while (k->pid != pid)
		k++;
	struct command *c = k->command;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != c->status)
		errx(1, "%s: wait status 0x%x, want exit %d", c->name, status, c->status);
	c->ms[c->done++] = end - k->start;
	c->cpu += (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
	c->faults += use.ru_minflt + use.ru_majflt;
	c->rss = use.ru_maxrss > c->rss ? use.ru_maxrss : c->rss;
	k->pid = 0;
	running--;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double percentile(double *list, int n, int percent)
{
	qsort(list, n, sizeof *list, ascending);
	return list[n * percent / 100];
}

static void print(struct command *c)
{
	double round[rounds], sorted[rounds];
	for (int r = 0; r < rounds; r++)
		sorted[r] = round[r] = percentile(c->ms + r * runs, runs, 50);
	qsort(sorted, rounds, sizeof *sorted, ascending);
	printf("%s %.3f %.3f %.3f", c->name, percentile(c->ms, c->done, 50), sorted[0], sorted[rounds - 1]);
	printf(" %.3f %ld %ld %.3f", percentile(c->ms, c->done, 99), c->rss, c->faults / c->done, c->cpu / c->done);
	for (int r = 0; r < rounds; r++)
		printf(r < rounds - 1 ? " %.3f" : " %.3f\n", round[r]);
}

static int redirects(const char *word) { return word[0] >= '0' && word[0] <= '9' && (word[1] == '<' || word[1] == '>'); }

/* add takes the words of one command. */
static void add(char **word)
{
	int inherited = 0, own = 2;
	while (environ[inherited])
		inherited++;
	while (word[0] && word[1] && word[own] && (redirects(word[own]) || strchr(word[own], '=')))
		own++;
	if (commands == 32 || !word[0] || !word[1] || !word[own])
		errx(2, "more than 32 commands, or one without name, status and command");
	struct command *c = &command[commands++];
	*c = (struct command){.name = word[0], .status = atoi(word[1]), .argv = word + own};
	posix_spawn_file_actions_init(&c->files);
	posix_spawn_file_actions_addopen(&c->files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&c->files, 1, "/dev/null", O_WRONLY, 0);
	c->ms = calloc(runs * rounds, sizeof *c->ms);
	c->env = calloc(own - 2 + inherited + 1, sizeof *c->env);
	if (!c->ms || !c->env)
		err(1, "memory");
	memcpy(c->env, environ, inherited * sizeof *environ);
	for (int i = 2, vars = inherited; i < own; i++)
		if (redirects(word[i]))
			posix_spawn_file_actions_addopen(&c->files, word[i][0] - '0', word[i] + 2, word[i][1] == '<' ? O_RDONLY : O_WRONLY, 0);
		else
			c->env[vars++] = word[i];
}

int main(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "+n:r:p:")) != -1;)
		*(o == 'n' ? &runs : o == 'r' ? &rounds : &parallel) = o == '?' ? 0 : atoi(optarg);
	if (runs < 1 || rounds < 1 || parallel < 1 || parallel > 64)
		errx(2, "usage: spawn [-n runs] [-r rounds] [-p parallel] -- name status [VAR=value ...] command [arg ...] -- ...");
	for (int i = optind, first = i; i <= argc; i++)
		if (i == argc || !strcmp(argv[i], "--")) {
			argv[i] = NULL;
			add(argv + first);
			first = i + 1;
		}
	for (int r = 0; r < rounds; r++) {
		for (int i = 0; i < runs * commands; i++) {
			if (running == parallel)
				reap();
			start(&command[i % commands]);
		}
		while (running)
			reap();
	}
	for (int i = 0; i < commands; i++)
		print(&command[i]);
}
