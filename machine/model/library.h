/* library.h: what the machine asks of a scenario library. SPDX-License-Identifier: MIT */
#ifndef MODEL_LIBRARY_H
#define MODEL_LIBRARY_H

#include "glue.h"
#include "model.h"

const struct oc_glue *library_glue(const struct oc_library *library);
/* Call found for each writable segment of the library. */
void library_data(const struct oc_library *library, void (*found)(void *base, size_t size));

#endif
