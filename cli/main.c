/* main.c: the octavo command. SPDX-License-Identifier: MIT */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"

static const char usage[] = "Usage: octavo check [NAME|FILE.c]... [OPTION...]\n"
                            "       octavo demo\n"
                            "\n"
                            "  check   explore every execution of scenarios against their expected verdicts\n"
                            "  demo    answer the questions that the mailing-list threads asked\n"
                            "\n"
                            "octavo check --help lists the options; octavo check --list the scenarios.\n";

int main(int argc, char **argv)
{
	argp_err_exit_status = STATUS_USAGE;
	if (argc < 2) {
		fputs(usage, stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "check"))
		return check_main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "demo"))
		return demo_main(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("octavo " OCTAVO_VERSION);
		return 0;
	}
	fprintf(stderr, "octavo: unknown command '%s'\n%s", argv[1], usage);
	return STATUS_USAGE;
}
