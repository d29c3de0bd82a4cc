/* product.h - small matrix products in registers: what the convolutions of more than a few channels come down to. */
#ifndef CVT_KERNELS_PRODUCT_H
#define CVT_KERNELS_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

/* u, m, p and d are aligned to the vector length VL; `vectors` is 1 .. block_vectors; rows of m, u and d are vectors*VL floats. */
struct cvt_product_kernels {
	int block_vectors;
	/* m[t][o] (+)= sum over c of v[t*stride + c] u[c][o]; t < rows, c < terms; adds: added to what is there */
	void (*rows)(const float *v, ptrdiff_t stride, int rows, int terms, const float *u, int vectors, float *m, bool adds);
	/* d[c][o] (+)= sum over t of v[t*v_stride + c] p[t*p_stride + o]; c < rows, t < terms */
	void (*columns)(const float *v, ptrdiff_t v_stride, int rows, int terms, const float *p, ptrdiff_t p_stride, int vectors, float *d, bool adds);
};

#endif
