/* winograd3.h - 3 x 3 convolutions of stride 1 and padding 1 by Winograd's minimal filtering: the transforms; products are product.h's.
 *
 * A tile is m x m outputs, m = 6, 4 or 2, seen by a window of a x a inputs, a = m + 2; in the transformed domain a tile has a*a planes.
 *     V[k][t][c]            windows of tiles t, channels c in the lanes
 *     P[k][t][o]            tiles of a gradient dy, the same way
 *     M[k][t][o]            products of one block of lanes
 *     U[k][c][o]            weights, o in the lanes
 * A segment is some tiles side by side in one row of tiles of one image. Tensors are NCHW, channels h*w apart. */
#ifndef CVT_KERNELS_WINOGRAD3_H
#define CVT_KERNELS_WINOGRAD3_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/finish.h"

/* Some tiles of one image. */
struct cvt_winograd3_segment {
	int h, w;                               /* of the image */
	int y, x, tiles;                        /* first output row and column, multiples of m */
};

struct cvt_winograd3_tile {
	int m;
	/* V of a segment: v[k*plane + t*tile + c], c up to whole vectors; 64-byte aligned, plane and tile multiples of the vector.
	 * scratch: cvt_winograd3_scratch() floats. */
	void (*input)(const struct cvt_winograd3_segment *s, const float *x, int channels, float *v, ptrdiff_t plane, ptrdiff_t tile,
		float *scratch);
	/* P of a segment of dy, likewise. */
	void (*gradient)(const struct cvt_winograd3_segment *s, const float *dy, int channels, float *p, ptrdiff_t plane, ptrdiff_t tile,
		float *scratch);
	/* y of a segment, channels of one block: m[k*plane + t*width + o], width in floats. */
	void (*output)(const struct cvt_winograd3_segment *s, const float *m, ptrdiff_t plane, int width, float *y, int channels,
		const struct cvt_finish *finish, float *scratch);
	/* U of one vector of lanes (outputs, from `lane`) and of terms t0..t1 (input channels): u[k*plane + (t - t0)*row + o - lane].
	 * weight: [out_c, in_c, 3, 3]. flipped: of the convolution that gives the input gradient: lanes are input channels, terms outputs. */
	void (*weights)(const float *weight, int in_c, int out_c, bool flipped, int lane, int t0, int t1, float *u, ptrdiff_t row,
		ptrdiff_t plane);
	/* dweight of the outputs of one vector of lanes and channels c0..c1, from dU = the sum of `parts` of them, in order:
	 * du[p*part + k*plane + (c - c0)*row + o - lane]. adds: added to what is there. */
	void (*weight_gradient)(const float *du, ptrdiff_t row, ptrdiff_t plane, ptrdiff_t part, int parts, int in_c, int out_c, int lane,
		int c0, int c1, float *dweight, bool adds);
};

struct cvt_winograd3_kernels {
	struct cvt_winograd3_tile tile6, tile4, tile2;
	/* sums[o] += the sum of dy over `tiles` tiles, o < lanes (whole vectors): p is the plane m + 3 of P, whose elements are the sums of tiles. */
	void (*bias)(const float *p, ptrdiff_t tile, int tiles, int lanes, double *sums);
};

/* Floats of scratch for segments of up to so many tiles. */
static inline size_t cvt_winograd3_scratch(int m, int tiles, int vector_length)
{
	return (size_t)(m + 2) * (size_t)(tiles * m + 2 + 2 * vector_length) * (size_t)vector_length;
}

#endif
