/* rows.h - pixels of n <= VL maps, `plane` floats apart, to a vector a pixel, map l in lane l, and back: transposed VL x VL in registers.
 *
 * Rows of maps narrower than a vector lie side by side: VL pixels of several rows are transposed together, then each goes to its place, rows of
 * vectors being `stride` apart. For widths that networks have, places are constants (`fixed`), so that no pixel goes through a loop. */
#ifndef CVT_KERNELS_ROWS_H
#define CVT_KERNELS_ROWS_H

#include <stdbool.h>

#include "kernels/vec.h"

/* Pixel x[k] of the maps to block[k]; k < count <= VL, the others are zero. */
CVT_INLINE void vload_maps(const float *x, ptrdiff_t plane, int n, int count, vf block[VL])
{
	if (n == VL && count == VL)
		CVT_UNROLL
		for (int l = 0; l < VL; l++)
			block[l] = vloadu(x + l * plane);
	else
		CVT_UNROLL
		for (int l = 0; l < VL; l++)
			block[l] = l < n ? vload_n(x + l * plane, count) : vzero();
	vtranspose(block);
}

/* Back; block is spent. adds: added to what is there. stream: past the caches, where all is whole; aligned then. */
CVT_INLINE void vstore_maps(vf block[VL], float *x, ptrdiff_t plane, int n, int count, bool adds, bool stream)
{
	vtranspose(block);
	if (n < VL || count < VL || adds) {
		for (int l = 0; l < n; l++)
			vstore_n(x + l * plane, adds ? block[l] + vload_n(x + l * plane, count) : block[l], count);
		return;
	}
	if (stream)
		CVT_UNROLL
		for (int l = 0; l < VL; l++)
			vstream(x + l * plane, block[l]);
	else
		CVT_UNROLL
		for (int l = 0; l < VL; l++)
			vstoreu(x + l * plane, block[l]);
}

CVT_INLINE void take_rows_of(const float *x, ptrdiff_t plane, int n, int w, int rows, int fixed, vfu *to, int stride)
{
	int column = 0;
	for (int p = 0; p < rows * w; p += VL) {
		int count = rows * w - p < VL ? rows * w - p : VL;
		vf block[VL];
		vload_maps(x + p, plane, n, count, block);
		if (fixed && count == VL) {
			CVT_UNROLL
			for (int k = 0; k < VL; k++)
				to[k / fixed * stride + k % fixed] = block[k];
			to += VL / fixed * stride;
			continue;
		}
		for (int k = 0; k < count; k++) {
			to[column] = block[k];
			if (++column == w) {
				column = 0;
				to += stride;
			}
		}
	}
}

CVT_INLINE void give_rows_of(const vfu *from, int stride, int n, int w, int rows, int fixed, float *x, ptrdiff_t plane, bool adds)
{
	int column = 0;
	for (int p = 0; p < rows * w; p += VL) {
		int count = rows * w - p < VL ? rows * w - p : VL;
		vf block[VL];
		if (fixed && count == VL) {
			CVT_UNROLL
			for (int k = 0; k < VL; k++)
				block[k] = from[k / fixed * stride + k % fixed];
			from += VL / fixed * stride;
		} else {
			for (int k = 0; k < VL; k++) {
				block[k] = k < count ? from[column] : vzero();
				if (k < count && ++column == w) {
					column = 0;
					from += stride;
				}
			}
		}
		vstore_maps(block, x + p, plane, n, count, adds, false);
	}
}

/* `rows` whole rows of w pixels to rows of vectors, `stride` apart. A row of whole vectors is as good as rows of VL. */
static inline void take_rows(const float *x, ptrdiff_t plane, int n, int w, int rows, vfu *to, int stride)
{
	if (w % VL == 0)
		for (int r = 0; r < rows; r++)
			take_rows_of(x + r * w, plane, n, w, 1, VL, to + r * stride, VL);
	else if (w == 4)
		take_rows_of(x, plane, n, 4, rows, 4, to, stride);
	else if (w == 8)
		take_rows_of(x, plane, n, 8, rows, 8, to, stride);
	else
		take_rows_of(x, plane, n, w, rows, 0, to, stride);
}

/* Back. */
static inline void give_rows(const vfu *from, int stride, int n, int w, int rows, float *x, ptrdiff_t plane, bool adds)
{
	if (w % VL == 0)
		for (int r = 0; r < rows; r++)
			give_rows_of(from + r * stride, VL, n, w, 1, VL, x + r * w, plane, adds);
	else if (w == 4)
		give_rows_of(from, stride, n, 4, rows, 4, x, plane, adds);
	else if (w == 8)
		give_rows_of(from, stride, n, 8, rows, 8, x, plane, adds);
	else
		give_rows_of(from, stride, n, w, rows, 0, x, plane, adds);
}

#endif
