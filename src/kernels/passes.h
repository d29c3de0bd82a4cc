/* passes.h - what passes over rows of a map share: vectors with a tail, and how far ahead memory is asked for. */
#ifndef CVT_KERNELS_PASSES_H
#define CVT_KERNELS_PASSES_H

#include "kernels/vec.h"

CVT_INLINE vf load(const float *p, int n)
{
	return n == VL ? vloadu(p) : vload_n(p, n);
}

CVT_INLINE void store(float *p, vf v, int n)
{
	if (n == VL)
		vstoreu(p, v);
	else
		vstore_n(p, v, n);
}

CVT_INLINE int lanes(int64_t left)
{
	return left < VL ? (int)left : VL;
}

/* -1 in the first n lanes */
CVT_INLINE vi first_lanes(int n)
{
	vi index;
	for (int i = 0; i < VL; i++)
		index[i] = i;
	return index < n;
}

/* Passes over memory that is in no cache: asked for some kilobytes ahead, as the processor's own guesses begin anew with each row. */
enum { AHEAD = 1024 };

/* How many rows ahead of a pair of rows. */
CVT_INLINE ptrdiff_t rows_ahead(int w)
{
	return ((ptrdiff_t)AHEAD / (2 * w) + 1) * 2;
}

#endif
