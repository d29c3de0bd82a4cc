/* winograd3_weights.c - weights to the transformed domain, U = G w G^T, and the gradient back, dw = G^T dU G.
 *
 * The lanes are outputs of the product, so VL outputs times VL channels of 9 taps are transposed in registers: 9 vectors an output
 * become 9 vectors a channel. Flipped weights, for the input gradient, have input channels in the lanes: the 9 taps of VL channels of
 * one output lie side by side, and are transposed likewise. */
#include "kernels/winograd3_transform.h"

CVT_INLINE void put_weights(int a, const vf g[9], float *u, ptrdiff_t plane)
{
	vf half[8 * 3], row[8];
	for (int x = 0; x < 3; x++)
		weight_transform(a, g + x, 3, half + x, 3);
	for (int y = 0; y < a; y++) {
		weight_transform(a, half + 3 * y, 1, row, 1);
		for (int x = 0; x < a; x++)
			vstore(u + (y * a + x) * plane, row[x]);
	}
}

/* [o][9*channels] of VL outputs to taps[channel*9 + tap], lanes of outputs; channels <= VL. */
CVT_INLINE void to_lanes_of(const float *weight, ptrdiff_t stride, int outputs, int channels, vf taps[9 * VL])
{
	for (int i = 0; i < 9 * channels; i += VL) {
		int n = 9 * channels - i < VL ? 9 * channels - i : VL;
		vf block[VL];
		CVT_UNROLL
		for (int o = 0; o < VL; o++)
			block[o] = o >= outputs ? vzero() : n == VL ? vloadu(weight + o * stride + i) : vload_n(weight + o * stride + i, n);
		vtranspose(block);
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			taps[i + k] = block[k];
	}
}

/* Most are whole: constants then. */
CVT_INLINE void to_lanes(const float *weight, ptrdiff_t stride, int outputs, int channels, vf taps[9 * VL])
{
	if (outputs == VL && channels == VL)
		to_lanes_of(weight, stride, VL, VL, taps);
	else if (outputs == VL && channels == 1)
		to_lanes_of(weight, stride, VL, 1, taps);
	else
		to_lanes_of(weight, stride, outputs, channels, taps);
}

/* Taps of terms t0..t1 of one vector of lanes, transformed; a term of U is `row` floats from the next. As many terms further on are
 * asked for, as a processor does not guess what is a few lines in each of VL rows. */
CVT_INLINE void weights_of(int a, const float *weight, int in_c, int out_c, bool flipped, int lane, int t0, int t1, float *u, ptrdiff_t row,
	ptrdiff_t plane)
{
	int lanes = flipped ? in_c : out_c, n = lanes - lane < VL ? lanes - lane : VL, ahead = t1 - t0;
	vf taps[9 * VL];
	if (!flipped) {
		for (int c = t0; c < t1; c += VL) {
			int channels = t1 - c < VL ? t1 - c : VL;
			const float *w = weight + ((ptrdiff_t)lane * in_c + c) * 9;
			to_lanes(w, (ptrdiff_t)in_c * 9, n, channels, taps);
			for (int k = 0; k < channels; k++, u += row) {
				if (k < n && c + ahead < in_c)
					CVT_PREFETCH(w + ((ptrdiff_t)k * in_c + ahead) * 9, 9 * VL);
				put_weights(a, taps + 9 * k, u, plane);
			}
		}
		return;
	}
	for (int o = t0; o < t1; o++, u += row) {
		if (o + ahead < out_c)
			CVT_PREFETCH(weight + ((ptrdiff_t)(o + ahead) * in_c + lane) * 9, 9 * VL);
		vf flip[9];
		to_lanes(weight + ((ptrdiff_t)o * in_c + lane) * 9, 9, n, 1, taps);
		CVT_UNROLL
		for (int k = 0; k < 9; k++)
			flip[k] = taps[8 - k];
		put_weights(a, flip, u, plane);
	}
}

CVT_INLINE void weight_gradient_of(int a, const float *du, ptrdiff_t row, ptrdiff_t plane, ptrdiff_t part, int parts, int in_c, int out_c,
	int lane, int c0, int c1, float *dweight, bool adds)
{
	int n = out_c - lane < VL ? out_c - lane : VL;
	for (int c = c0; c < c1; c += VL) {
		int channels = c1 - c < VL ? c1 - c : VL;
		vf taps[9 * VL];
		for (int k = 0; k < channels; k++, du += row) {
			vf half[3 * 8];
			for (int x = 0; x < a; x++) {
				vf column[8];
				for (int y = 0; y < a; y++) {
					column[y] = vload(du + (y * a + x) * plane);
					for (int p = 1; p < parts; p++)
						column[y] += vload(du + (y * a + x) * plane + p * part);
				}
				weight_gradient_transform(a, column, 1, half + x, 8);
			}
			for (int y = 0; y < 3; y++)
				weight_gradient_transform(a, half + 8 * y, 1, taps + 9 * k + 3 * y, 1);
		}
		for (int i = 0; i < 9 * channels; i += VL) {
			int left = 9 * channels - i < VL ? 9 * channels - i : VL;
			for (int r = left; r < VL; r++)
				taps[i + r] = vzero();
			vtranspose(taps + i);
			for (int o = 0; o < n; o++) {
				float *to = dweight + ((ptrdiff_t)(lane + o) * in_c + c) * 9 + i;
				vstore_n(to, adds ? taps[i + o] + vload_n(to, left) : taps[i + o], left);
			}
		}
	}
}

#define TILE(m, a) \
	static void weights##m(const float *weight, int in_c, int out_c, bool flipped, int lane, int t0, int t1, float *u, ptrdiff_t row, \
		ptrdiff_t plane) \
	{ \
		weights_of(a, weight, in_c, out_c, flipped, lane, t0, t1, u, row, plane); \
	} \
	static void weight_gradient##m(const float *du, ptrdiff_t row, ptrdiff_t plane, ptrdiff_t part, int parts, int in_c, int out_c, \
		int lane, int c0, int c1, float *dweight, bool adds) \
	{ \
		weight_gradient_of(a, du, row, plane, part, parts, in_c, out_c, lane, c0, c1, dweight, adds); \
	}
TILE(6, 8)
TILE(4, 6)
TILE(2, 4)
#undef TILE

void CVT_KERNEL_NAME(cvt_winograd3_weights)(struct cvt_winograd3_kernels *k)
{
	k->tile6.weights = weights6;
	k->tile4.weights = weights4;
	k->tile2.weights = weights2;
	k->tile6.weight_gradient = weight_gradient6;
	k->tile4.weight_gradient = weight_gradient4;
	k->tile2.weight_gradient = weight_gradient2;
}
