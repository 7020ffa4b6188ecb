/* queue is the least queue program: it reads the message on descriptor 0 and the
 * envelope on descriptor 1 and exits 0. With arguments it is the least wrapper:
 * it runs them. */
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buf[65536];
	if (argc > 1) {
		execv(argv[1], argv + 1);
		return 120;
	}
	for (int fd = 0; fd < 2; fd++)
		while (read(fd, buf, sizeof buf) > 0)
			;
	return 0;
}
