/* kernels.h - the table of numeric loops, one table for each instruction set.
 *
 * A kernel is serial and pure: pointers, strides, sizes, one task's worth of work; no tensor, no pool, no allocation. One C source a
 * family, written in the vectors of vec.h and compiled once for each instruction set; all in it is static but one init, which
 * fills the family's slots.
 *
 * To add a family NAME, three lines and two files:
 *   1. here:                         #include "kernels/NAME.h"
 *   2. CVT_KERNEL_FAMILIES below:    F(NAME)
 *   3. meson.build:                  'NAME.c' in `families`
 * NAME.h defines `struct cvt_NAME_kernels`, one function pointer a slot, each with its contract (shapes, strides, alignment, which
 * elements are written). NAME.c includes "kernels/vec.h" and ends in
 *     void CVT_KERNEL_INIT(NAME)(struct cvt_NAME_kernels *k) { k->slot = slot; ... }
 * A family that needs a second source lists it too (NAME_part.c) and shares a private header; functions that cross
 * sources are named with CVT_KERNEL_NAME(f). The caller writes  kernels->NAME.slot(...). A plain C reference of each slot, sums in
 * double, goes into reference.c (or reference_NAME.c; declared in reference.h, linked into the tests only), and its test is a
 * row of the table in tests/kernels/NAME.c (see harness.h there). */
#ifndef CVT_KERNELS_KERNELS_H
#define CVT_KERNELS_KERNELS_H

#include "convtui/config.h"                 /* enum cvt_isa */

#include "kernels/conv1.h"
#include "kernels/dense.h"
#include "kernels/maxpool.h"
#include "kernels/norm.h"
#include "kernels/norm_windows.h"
#include "kernels/peak.h"
#include "kernels/product.h"
#include "kernels/winograd3.h"
#include "kernels/winograd5.h"

#define CVT_KERNEL_FAMILIES(F) \
	F(conv1) \
	F(dense) \
	F(maxpool) \
	F(norm) \
	F(norm_windows) \
	F(peak) \
	F(product) \
	F(winograd3) \
	F(winograd5)

struct cvt_kernels {
	int isa;                                /* enum cvt_isa, never AUTO */
	int vector_length;                      /* floats: 4, 8 or 16. The caller sizes scratch by it; results' layout never depends on it */
	const char *name;                       /* "x86-64", "avx2", "avx512" */
#define F(family) struct cvt_##family##_kernels family;
	CVT_KERNEL_FAMILIES(F)
#undef F
};

/* The table of an instruction set; CVT_ISA_AUTO: the best this machine has. NULL: this machine, or this build, cannot. The table
 * is constant and lives for ever. Thread-safe. */
const struct cvt_kernels *cvt_kernels_get(int isa);

#endif
