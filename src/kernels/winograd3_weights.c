/* winograd3_weights.c - weights to the transformed domain, U = G w G^T, and the gradient back, dw = G^T dU G.
 *
 * The lanes are outputs of the product, so VL outputs times VL channels of 9 taps are transposed in registers: 9 vectors an output
 * become 9 vectors a channel. Flipped weights, for the input gradient, have input channels in the lanes: the 9 taps of VL channels of
 * one output lie side by side and are gathered one by one. */
#include "kernels/winograd3_inside.h"
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
CVT_INLINE void to_lanes(const float *weight, ptrdiff_t stride, int outputs, int channels, vf taps[9 * VL])
{
	for (int i = 0; i < 9 * channels; i += VL) {
		int n = 9 * channels - i < VL ? 9 * channels - i : VL;
		CVT_UNROLL
		for (int o = 0; o < VL; o++)
			taps[i + o] = o < outputs ? vload_n(weight + o * stride + i, n) : vzero();
		vtranspose(taps + i);
	}
}

CVT_INLINE void weights_of(int a, const float *weight, int in_c, int out_c, bool flipped, int lane, float *u, ptrdiff_t plane)
{
	int lanes = flipped ? in_c : out_c, terms = flipped ? out_c : in_c, n = lanes - lane < VL ? lanes - lane : VL;
	int width = block_width(lanes, lane) * VL;
	u += block_start(terms, lane) + lane / VL % BLOCK_VECTORS * VL;
	vf taps[9 * VL];
	if (!flipped) {
		for (int c = 0; c < in_c; c += VL) {
			int channels = in_c - c < VL ? in_c - c : VL;
			to_lanes(weight + ((ptrdiff_t)lane * in_c + c) * 9, (ptrdiff_t)in_c * 9, n, channels, taps);
			for (int k = 0; k < channels; k++)
				put_weights(a, taps + 9 * k, u + (ptrdiff_t)(c + k) * width, plane);
		}
		return;
	}
	for (int o = 0; o < out_c; o++) {
		const float *w = weight + ((ptrdiff_t)o * in_c + lane) * 9;
		float flip[9][VL] __attribute__((aligned(64)));
		for (int c = 0; c < VL; c++)
			for (int k = 0; k < 9; k++)
				flip[8 - k][c] = c < n ? w[c * 9 + k] : 0;
		put_weights(a, (const vf *)flip, u + (ptrdiff_t)o * width, plane);
	}
}

CVT_INLINE void weight_gradient_of(int a, const float *du, ptrdiff_t plane, ptrdiff_t part, int parts, int in_c, int out_c, int lane,
	int c0, int c1, float *dweight)
{
	int n = out_c - lane < VL ? out_c - lane : VL, width = block_width(out_c, lane) * VL;
	du += block_start(in_c, lane) + lane / VL % BLOCK_VECTORS * VL;
	for (int c = c0; c < c1; c += VL) {
		int channels = c1 - c < VL ? c1 - c : VL;
		vf taps[9 * VL];
		for (int k = 0; k < channels; k++) {
			const float *d = du + (ptrdiff_t)(c + k) * width;
			vf half[3 * 8];
			for (int x = 0; x < a; x++) {
				vf column[8];
				for (int y = 0; y < a; y++) {
					column[y] = vload(d + (y * a + x) * plane);
					for (int p = 1; p < parts; p++)
						column[y] += vload(d + (y * a + x) * plane + p * part);
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
			for (int o = 0; o < n; o++)
				vstore_n(dweight + ((ptrdiff_t)(lane + o) * in_c + c) * 9 + i, taps[i + o], left);
		}
	}
}

static void weights6(const float *weight, int in_c, int out_c, bool flipped, int lane, float *u, ptrdiff_t u_plane)
{
	weights_of(8, weight, in_c, out_c, flipped, lane, u, u_plane);
}

static void weights4(const float *weight, int in_c, int out_c, bool flipped, int lane, float *u, ptrdiff_t u_plane)
{
	weights_of(6, weight, in_c, out_c, flipped, lane, u, u_plane);
}

static void weight_gradient6(const float *du, ptrdiff_t u_plane, ptrdiff_t part, int parts, int in_c, int out_c, int lane, int c0, int c1,
	float *dweight)
{
	weight_gradient_of(8, du, u_plane, part, parts, in_c, out_c, lane, c0, c1, dweight);
}

static void weight_gradient4(const float *du, ptrdiff_t u_plane, ptrdiff_t part, int parts, int in_c, int out_c, int lane, int c0, int c1,
	float *dweight)
{
	weight_gradient_of(6, du, u_plane, part, parts, in_c, out_c, lane, c0, c1, dweight);
}

void CVT_KERNEL_NAME(cvt_winograd3_weights)(struct cvt_winograd3_kernels *k)
{
	k->tile6.weights = weights6;
	k->tile4.weights = weights4;
	k->tile6.weight_gradient = weight_gradient6;
	k->tile4.weight_gradient = weight_gradient4;
}
