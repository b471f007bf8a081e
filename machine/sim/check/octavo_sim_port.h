/* octavo_sim_port.h: what the sim overrides in the core when it runs scenarios. SPDX-License-Identifier: MIT
 */
#ifndef OCTAVO_SIM_PORT_H
#define OCTAVO_SIM_PORT_H

#ifdef __cplusplus
extern "C" {
#endif
void oc_cover(const char *name);
#define OCT_COVER(name) oc_cover(name)
#ifdef __cplusplus
}
#endif
#endif
