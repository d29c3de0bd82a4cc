/* product.c - small matrix products in registers.
 *
 *     rows:     M[t][o] = sum over c of V[t][c] U[c][o]     forward: weights, or pixels, as vectors; the other's floats broadcast
 *     columns:  D[c][o] = sum over t of V[t][c] P[t][o]     weight gradient: the sum runs down the columns of both
 *
 * A register block is some rows of the result times all `vectors` of its columns. Its size follows the number of registers: 6 x 4, 8 x 3,
 * 8 x 2, 8 x 1 of 32; 6 x 2, 8 x 1 of 16; so 24 (or 12) sums are in flight, enough to hide the latency of a multiply-add, and 24
 * multiply-adds need 10 loads. Rows are dealt out evenly: 43 are 3 blocks of 6 and 5 of 5, not 7 of 6 and one of 1. Each number of
 * rows and vectors is a loop of its own, unrolled by the compiler from the two inline functions below. */
#include "kernels/kernels.h"
#include "kernels/vec.h"

/* MOST x BLOCK sums, or 8 x fewer, fit the registers. */
enum { BLOCK = CVT_VECTOR_REGISTERS >= 32 ? 4 : 2, MOST = 6, MOST_NARROW = 8 };

/* v[r*v_row + k*v_term] times row k of p. */
CVT_INLINE void multiply(int rows, int vectors, const float *v, ptrdiff_t v_row, ptrdiff_t v_term, int terms, const float *p, ptrdiff_t p_term,
	float *m, bool adds)
{
	vf sum[MOST_NARROW][BLOCK];
	CVT_UNROLL
	for (int r = 0; r < rows; r++)
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			sum[r][o] = adds ? vload(m + (r * vectors + o) * VL) : vzero();
	for (int k = 0; k < terms; k++, v += v_term, p += p_term) {
		vf w[BLOCK];
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			w[o] = vload(p + o * VL);
		CVT_UNROLL
		for (int r = 0; r < rows; r++)
			CVT_UNROLL
			for (int o = 0; o < vectors; o++)
				sum[r][o] += w[o] * v[r * v_row];
	}
	CVT_UNROLL
	for (int r = 0; r < rows; r++)
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			vstore(m + (r * vectors + o) * VL, sum[r][o]);
}

CVT_INLINE void deal(int vectors, const float *v, ptrdiff_t v_row, ptrdiff_t v_term, int rows, int terms, const float *p, ptrdiff_t p_term,
	float *m, bool adds)
{
	int most = vectors == BLOCK ? MOST : MOST_NARROW, blocks = (rows + most - 1) / most;
	for (int b = 0; b < blocks; b++) {
		int first = (int)((int64_t)rows * b / blocks), n = (int)((int64_t)rows * (b + 1) / blocks) - first;
		const float *from = v + first * v_row;
		float *to = m + (ptrdiff_t)first * vectors * VL;
		switch (n) {
		case 1: multiply(1, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 2: multiply(2, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 3: multiply(3, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 4: multiply(4, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 5: multiply(5, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 6: multiply(6, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 7: if (vectors < BLOCK) multiply(7, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		case 8: if (vectors < BLOCK) multiply(8, vectors, from, v_row, v_term, terms, p, p_term, to, adds); break;
		}
	}
}

static void rows(const float *v, ptrdiff_t stride, int n, int terms, const float *u, int vectors, float *m, bool adds)
{
	switch (vectors) {
	case 1: deal(1, v, stride, 1, n, terms, u, VL, m, adds); break;
	case 2: deal(2, v, stride, 1, n, terms, u, 2 * VL, m, adds); break;
#if CVT_VECTOR_REGISTERS >= 32
	case 3: deal(3, v, stride, 1, n, terms, u, 3 * VL, m, adds); break;
	case 4: deal(4, v, stride, 1, n, terms, u, 4 * VL, m, adds); break;
#endif
	}
}

static void columns(const float *v, ptrdiff_t v_stride, int n, int terms, const float *p, ptrdiff_t p_stride, int vectors, float *d, bool adds)
{
	switch (vectors) {
	case 1: deal(1, v, 1, v_stride, n, terms, p, p_stride, d, adds); break;
	case 2: deal(2, v, 1, v_stride, n, terms, p, p_stride, d, adds); break;
#if CVT_VECTOR_REGISTERS >= 32
	case 3: deal(3, v, 1, v_stride, n, terms, p, p_stride, d, adds); break;
	case 4: deal(4, v, 1, v_stride, n, terms, p, p_stride, d, adds); break;
#endif
	}
}

void CVT_KERNEL_INIT(product)(struct cvt_product_kernels *k)
{
	k->block_vectors = BLOCK;
	k->rows = rows;
	k->columns = columns;
}
