/* machine.h - what this process may use: processors, memory, instruction sets, BLAS.
 *
 * Processors by affinity and cgroup, memory by MemAvailable, cgroup (version 2, else 1, every ancestor) and limits. Implemented in src/base,
 * except cvt_machine_blas (src/nn/gemm.c). */
#ifndef CONVTUI_MACHINE_H
#define CONVTUI_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

/* `root` is prefixed to /proc and /sys paths, so that tests point it at fixtures; NULL: "". Never fails: at least 1. */
int cvt_machine_processors(const char *root);
/* Bytes this process may still take, the least that the machine, its control group and its limits (ulimit -v, -d) leave; 0: unknown. */
int64_t cvt_machine_memory(const char *root);
/* What is left of a limit of the address space (ulimit -v), in which stacks and the allocator's reserves count whole; -1: there is none. */
int64_t cvt_machine_address_space(const char *root);
/* "AMD EPYC ..." ; cut at size. */
void cvt_machine_name(const char *root, char *text, size_t size);
/* Largest resident size so far, in bytes (VmHWM); 0: unknown. */
int64_t cvt_machine_peak_bytes(void);
/* The largest counts from here on, where /proc allows it; elsewhere it stays that of the whole process. */
void cvt_machine_reset_peak(void);
/* May this processor (and its system) run code of the set? `isa`: enum cvt_isa of config.h; AUTO is always true. */
bool cvt_machine_has_isa(int isa);
/* The best set there is; never AUTO. */
int cvt_machine_best_isa(void);
/* "x86-64", "avx2", "avx512"; as in --isa. */
const char *cvt_isa_name(int isa);
/* The free bytes of the file system that holds `path`; -1: unknown. */
int64_t cvt_machine_free_bytes(const char *path);
/* OpenBLAS's own words: version, threading, core. *ret_serial: its serial flavour, which is unsafe from several threads. */
void cvt_machine_blas(char *text, size_t size, bool *ret_serial);
/* OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1 must be set before OpenBLAS is loaded, else its constructor starts threads: sets
 * them and executes the program again, once. Call first thing in main. Returns when nothing was to do or exec failed. */
void cvt_machine_prepare(char **argv);

#endif
