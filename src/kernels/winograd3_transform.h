/* winograd3_transform.h - the one-dimensional transforms of F(6,3), F(4,3) and F(2,3), on vectors.
 *
 * m outputs of a filter g of 3 taps over d of a = m + 2 inputs are  A^T ((G g) . (B^T d)):  polynomials are multiplied by their values
 * at a points: 0, 1, -1 and infinity, for a = 6 also 2 and -2, for a = 8 1/2 and -1/2 as well. In two dimensions each is applied to columns, then rows.
 * The gradients use the adjoints: of the weights  G^T ((A dy) . (B^T d)). (Winograd 1980; Lavin and Gray 2015.)
 * `a` is a constant wherever these are inlined; strides are in vectors. */
#ifndef CVT_KERNELS_WINOGRAD3_TRANSFORM_H
#define CVT_KERNELS_WINOGRAD3_TRANSFORM_H

#include "kernels/kernels.h"
#include "kernels/vec.h"

/* o = B^T d: a to a */
CVT_INLINE void window_transform(int a, const vf *d, int s, vf *o, int so)
{
	vf d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s];
	if (a == 4) {
		o[0] = d0 - d2;
		o[so] = d1 + d2;
		o[2 * so] = d2 - d1;
		o[3 * so] = d1 - d3;
		return;
	}
	vf d4 = d[4 * s], d5 = d[5 * s];
	if (a == 6) {
		vf p = d4 - d2 * 4, q = d3 - d1 * 4, r = d4 - d2, t = (d3 - d1) * 2;
		o[0] = d0 * 4 - d2 * 5 + d4;
		o[so] = p + q;
		o[2 * so] = p - q;
		o[3 * so] = r + t;
		o[4 * so] = r - t;
		o[5 * so] = d1 * 4 - d3 * 5 + d5;
		return;
	}
	vf d6 = d[6 * s], d7 = d[7 * s];
	vf p = d2 + d6 - d4 * 4.25f, q = d1 + d5 - d3 * 4.25f;
	vf r = d6 + d2 * .25f - d4 * 1.25f, t = d1 * .5f - d3 * 2.5f + d5 * 2;
	vf u = d6 + (d2 - d4 * 1.25f) * 4, w = d1 * 2 - d3 * 2.5f + d5 * .5f;
	o[0] = d0 - d6 + (d4 - d2) * 5.25f;
	o[so] = p + q;
	o[2 * so] = p - q;
	o[3 * so] = r + t;
	o[4 * so] = r - t;
	o[5 * so] = u + w;
	o[6 * so] = u - w;
	o[7 * so] = d7 - d1 + (d3 - d5) * 5.25f;
}

/* o = A^T v: a to m */
CVT_INLINE void output_transform(int a, const vf *v, int s, vf *o, int so)
{
	vf p = v[s] + v[2 * s], q = v[s] - v[2 * s];
	if (a == 4) {
		o[0] = v[0] + p;
		o[so] = q - v[3 * s];
		return;
	}
	vf r = v[3 * s] + v[4 * s], t = v[3 * s] - v[4 * s];
	if (a == 6) {
		o[0] = v[0] + p + r;
		o[so] = q + t * 2;
		o[2 * so] = p + r * 4;
		o[3 * so] = q + t * 8 + v[5 * s];
		return;
	}
	vf u = v[5 * s] + v[6 * s], w = v[5 * s] - v[6 * s];
	o[0] = v[0] + p + r + u;
	o[so] = q + t * 2 + w * .5f;
	o[2 * so] = p + r * 4 + u * .25f;
	o[3 * so] = q + t * 8 + w * .125f;
	o[4 * so] = p + r * 16 + u * .0625f;
	o[5 * so] = q + t * 32 + w * .03125f + v[7 * s];
}

/* o = A d: m to a, the adjoint of output_transform */
CVT_INLINE void gradient_transform(int a, const vf *d, int s, vf *o, int so)
{
	vf d0 = d[0], d1 = d[s];
	if (a == 4) {
		o[0] = d0;
		o[so] = d0 + d1;
		o[2 * so] = d0 - d1;
		o[3 * so] = -d1;
		return;
	}
	vf d2 = d[2 * s], d3 = d[3 * s];
	if (a == 6) {
		vf p = d0 + d2, q = d1 + d3, r = d0 + d2 * 4, t = d1 * 2 + d3 * 8;
		o[0] = d0;
		o[so] = p + q;
		o[2 * so] = p - q;
		o[3 * so] = r + t;
		o[4 * so] = r - t;
		o[5 * so] = d3;
		return;
	}
	vf d4 = d[4 * s], d5 = d[5 * s];
	vf p = d0 + d2 + d4, q = d1 + d3 + d5;
	vf r = d0 + d2 * 4 + d4 * 16, t = d1 * 2 + d3 * 8 + d5 * 32;
	vf u = d0 + d2 * .25f + d4 * .0625f, w = d1 * .5f + d3 * .125f + d5 * .03125f;
	o[0] = d0;
	o[so] = p + q;
	o[2 * so] = p - q;
	o[3 * so] = r + t;
	o[4 * so] = r - t;
	o[5 * so] = u + w;
	o[6 * so] = u - w;
	o[7 * so] = d5;
}

/* o = G g: 3 to a */
CVT_INLINE void weight_transform(int a, const vf *g, int s, vf *o, int so)
{
	vf g0 = g[0], g1 = g[s], g2 = g[2 * s];
	if (a == 4) {
		vf p = (g0 + g2) * .5f, q = g1 * .5f;
		o[0] = g0;
		o[so] = p + q;
		o[2 * so] = p - q;
		o[3 * so] = g2;
		return;
	}
	if (a == 6) {
		vf p = (g0 + g2) * (1.f / 6), q = g1 * (1.f / 6), r = g0 * (1.f / 24) + g2 * (1.f / 6), t = g1 * (1.f / 12);
		o[0] = g0 * .25f;
		o[so] = -p - q;
		o[2 * so] = q - p;
		o[3 * so] = r + t;
		o[4 * so] = r - t;
		o[5 * so] = g2;
		return;
	}
	vf p = (g0 + g2) * (2.f / 9), q = g1 * (2.f / 9), r = g0 * (1.f / 90) + g2 * (4.f / 90), t = g1 * (2.f / 90);
	vf u = g0 * (32.f / 45) + g2 * (8.f / 45), w = g1 * (16.f / 45);
	o[0] = g0;
	o[so] = -p - q;
	o[2 * so] = q - p;
	o[3 * so] = r + t;
	o[4 * so] = r - t;
	o[5 * so] = u + w;
	o[6 * so] = u - w;
	o[7 * so] = g2;
}

/* o = G^T v: a to 3, the adjoint of weight_transform */
CVT_INLINE void weight_gradient_transform(int a, const vf *v, int s, vf *o, int so)
{
	vf p = v[s] + v[2 * s], q = v[2 * s] - v[s];
	if (a == 4) {
		o[0] = v[0] + p * .5f;
		o[so] = q * -.5f;
		o[2 * so] = v[3 * s] + p * .5f;
		return;
	}
	vf r = v[3 * s] + v[4 * s], t = v[3 * s] - v[4 * s];
	if (a == 6) {
		o[0] = v[0] * .25f - p * (1.f / 6) + r * (1.f / 24);
		o[so] = q * (1.f / 6) + t * (1.f / 12);
		o[2 * so] = v[5 * s] - p * (1.f / 6) + r * (1.f / 6);
		return;
	}
	vf u = v[5 * s] + v[6 * s], w = v[5 * s] - v[6 * s];
	o[0] = v[0] - p * (2.f / 9) + r * (1.f / 90) + u * (32.f / 45);
	o[so] = q * (2.f / 9) + t * (2.f / 90) + w * (16.f / 45);
	o[2 * so] = v[7 * s] - p * (2.f / 9) + r * (4.f / 90) + u * (8.f / 45);
}

/* winograd3_weights.c: the slots of weights. */
void CVT_KERNEL_NAME(cvt_winograd3_weights)(struct cvt_winograd3_kernels *k);

#endif
