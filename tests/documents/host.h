/* host.h: what the snippets of the documents take for granted. SPDX-License-Identifier: MIT */
#ifndef TESTS_DOCUMENTS_HOST_H
#define TESTS_DOCUMENTS_HOST_H

#include <octavo/octavo.h>
#include <string.h>

#define DIRECT_MAP 0xffff800000000000ul
oct_phys_t my_buddy_alloc(unsigned order);
void my_buddy_free(oct_phys_t page, unsigned order);
void my_console_line(const char *line);
_Noreturn void my_panic(const char *why);

#endif
