/* winograd3_product.c - the products of the transformed domain: one small matrix product a plane.
 *
 * Forward   M[t][o] = sum over c of V[t][c] U[c][o]: a register block is some tiles times the vectors of a block of outputs, U's vectors
 *           are read, V's floats broadcast. Tiles are dealt out evenly: 43 is 3 blocks of 6 and 5 of 5, not 7 of 6 and one of 1.
 * Backward  D[c][o] += sum over t of V[t][c] P[t][o]: the same with channels for tiles; the sum runs over some tens of tiles, for which
 *           the register block is read and written once.
 * Sizes of the register block follow the number of registers: 6 x 4, 8 x 3, 8 x 2, 8 x 1 of 32; 6 x 2, 8 x 1 of 16. */
#include "kernels/winograd3_product.h"

enum { MOST_ROWS = 8 };

CVT_INLINE int most_rows(int vectors)
{
	return vectors == BLOCK_VECTORS ? 6 : MOST_ROWS;
}

CVT_INLINE void multiply(int rows, int vectors, const float *v, ptrdiff_t tile, int channels, const float *u, float *m)
{
	vf sum[MOST_ROWS][BLOCK_VECTORS];
	CVT_UNROLL
	for (int r = 0; r < rows; r++)
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			sum[r][o] = vzero();
	for (int c = 0; c < channels; c++, u += vectors * VL) {
		vf w[BLOCK_VECTORS];
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			w[o] = vload(u + o * VL);
		CVT_UNROLL
		for (int r = 0; r < rows; r++)
			CVT_UNROLL
			for (int o = 0; o < vectors; o++)
				sum[r][o] += w[o] * v[r * tile + c];
	}
	CVT_UNROLL
	for (int r = 0; r < rows; r++)
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			vstore(m + (r * vectors + o) * VL, sum[r][o]);
}

CVT_INLINE void product_of(int vectors, const float *v, ptrdiff_t tile, int channels, const float *u, float *m, int tiles)
{
	int blocks = (tiles + most_rows(vectors) - 1) / most_rows(vectors);
	for (int b = 0; b < blocks; b++) {
		int t = tiles * b / blocks, rows = tiles * (b + 1) / blocks - t;
		const float *from = v + t * tile;
		float *to = m + (ptrdiff_t)t * vectors * VL;
		switch (rows) {
		case 1: multiply(1, vectors, from, tile, channels, u, to); break;
		case 2: multiply(2, vectors, from, tile, channels, u, to); break;
		case 3: multiply(3, vectors, from, tile, channels, u, to); break;
		case 4: multiply(4, vectors, from, tile, channels, u, to); break;
		case 5: multiply(5, vectors, from, tile, channels, u, to); break;
		case 6: multiply(6, vectors, from, tile, channels, u, to); break;
		case 7: if (vectors < BLOCK_VECTORS) multiply(7, vectors, from, tile, channels, u, to); break;
		case 8: if (vectors < BLOCK_VECTORS) multiply(8, vectors, from, tile, channels, u, to); break;
		}
	}
}

static void product(const float *v, ptrdiff_t tile, int channels, const float *u, int vectors, float *m, int tiles)
{
	if (vectors == 1)
		product_of(1, v, tile, channels, u, m, tiles);
	else if (vectors == 2)
		product_of(2, v, tile, channels, u, m, tiles);
#if CVT_VECTOR_REGISTERS >= 32
	else if (vectors == 3)
		product_of(3, v, tile, channels, u, m, tiles);
	else
		product_of(4, v, tile, channels, u, m, tiles);
#endif
}

CVT_INLINE void add(int rows, int vectors, const float *v, ptrdiff_t v_tile, const float *p, ptrdiff_t p_tile, int tiles, float *d, bool first)
{
	vf sum[MOST_ROWS][BLOCK_VECTORS];
	CVT_UNROLL
	for (int r = 0; r < rows; r++)
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			sum[r][o] = first ? vzero() : vload(d + (r * vectors + o) * VL);
	for (int t = 0; t < tiles; t++, v += v_tile, p += p_tile) {
		vf w[BLOCK_VECTORS];
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			w[o] = vload(p + o * VL);
		CVT_UNROLL
		for (int r = 0; r < rows; r++)
			CVT_UNROLL
			for (int o = 0; o < vectors; o++)
				sum[r][o] += w[o] * v[r];
	}
	CVT_UNROLL
	for (int r = 0; r < rows; r++)
		CVT_UNROLL
		for (int o = 0; o < vectors; o++)
			vstore(d + (r * vectors + o) * VL, sum[r][o]);
}

CVT_INLINE void accumulate_of(int vectors, const float *v, ptrdiff_t v_tile, int channels, const float *p, ptrdiff_t p_tile, int tiles,
	float *d, bool first)
{
	int blocks = (channels + most_rows(vectors) - 1) / most_rows(vectors);
	for (int b = 0; b < blocks; b++) {
		int c = channels * b / blocks, rows = channels * (b + 1) / blocks - c;
		const float *from = v + c;
		float *to = d + (ptrdiff_t)c * vectors * VL;
		switch (rows) {
		case 1: add(1, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 2: add(2, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 3: add(3, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 4: add(4, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 5: add(5, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 6: add(6, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 7: if (vectors < BLOCK_VECTORS) add(7, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		case 8: if (vectors < BLOCK_VECTORS) add(8, vectors, from, v_tile, p, p_tile, tiles, to, first); break;
		}
	}
}

static void accumulate(const float *v, ptrdiff_t v_tile, int channels, const float *p, ptrdiff_t p_tile, int vectors, int tiles,
	float *d, bool first)
{
	if (vectors == 1)
		accumulate_of(1, v, v_tile, channels, p, p_tile, tiles, d, first);
	else if (vectors == 2)
		accumulate_of(2, v, v_tile, channels, p, p_tile, tiles, d, first);
#if CVT_VECTOR_REGISTERS >= 32
	else if (vectors == 3)
		accumulate_of(3, v, v_tile, channels, p, p_tile, tiles, d, first);
	else
		accumulate_of(4, v, v_tile, channels, p, p_tile, tiles, d, first);
#endif
}

void CVT_KERNEL_NAME(cvt_winograd3_products)(struct cvt_winograd3_kernels *k)
{
	k->product = product;
	k->accumulate = accumulate;
}
