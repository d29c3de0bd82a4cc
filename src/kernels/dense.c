/* dense.c - dense layers: forward, and one pass over the weights that makes both gradients and applies the update.
 *
 * Forward, y[b][o] = sum_i x[b][i] W[o][i], is a dot product along the rows of both, so the lanes are inputs and nothing is transposed: a
 * register block holds BATCH x ROWS vectors of partial sums, fed by one vector of each of BATCH images and ROWS rows of W. After
 * BLOCK inputs the vectors are folded to their sums by a tree of log2(VL) pairwise additions. x is copied to scratch in blocks of
 * inputs, at a stride that is no power of two (else all rows would fall into one set of the cache); W is read once from
 * memory, some rows from end to end where images are few, the block after the next prefetched while one is used from the first-level cache.
 *
 * Backward, dX[b][i] = sum_o dY[b][o] W[o][i] and dW[o][i] = sum_b dY[b][o] x[b][i], has the lanes along i too, with dY as broadcast scalars
 * packed in panels. A task owns some columns: W's rows come some at a time to the second-level cache, add their part to
 * dX, receive dW in registers and leave updated. So W is read and written once, and dW need never exist.
 * (Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008, has the blocking of products.) */
#include "kernels/kernels.h"
#include "kernels/vec.h"

enum {
	BATCH = CVT_DENSE_BATCH,
	ROWS = CVT_VECTOR_REGISTERS >= 32 ? 4 : VL == 8 ? 3 : 2,    /* of W; 6 would fit the registers, but not share a few sets of the cache */
	AHEAD = 2,                              /* blocks, of the prefetch: memory takes that long, and the first-level cache has room for no more */
	BLOCK = CVT_DENSE_BLOCK, BLOCK_STRIDE = BLOCK + 16, IMAGES = CVT_DENSE_IMAGES,
	SUMS = (BATCH * ROWS + VL - 1) / VL * VL
};
_Static_assert(BATCH == 4, "the sums of a row of W are one group of four");

typedef float v4 __attribute__((vector_size(16), aligned(4)));

/* r[v] becomes, in lane v of r[0], the sum of its lanes: halves are added to halves, interleaved with another vector's. */
CVT_INLINE void fold(vf r[VL])
{
	CVT_UNROLL
	for (int half = VL / 2; half; half /= 2)
		CVT_UNROLL
		for (int v = 0; v < half; v++) {
			vf lo, hi;
			vinterleave2(r[v], r[v + half], &lo, &hi);
			r[v] = lo + hi;
		}
}

CVT_INLINE void prefetch_row(const float *p, int columns)
{
	for (int i = 0; i < columns; i += 16)
		__builtin_prefetch(p + i, 0, 2);
}

/* sums[r][b] = x[b] . w[r] over `columns`, and fetches as many floats of each of `next`, to the first-level cache. x is padded with zeros, w is not. */
static void dots(const float *x, const float *const w[ROWS], int columns, const float *const next[ROWS], int n_next, float sums[SUMS])
{
	vf a[ROWS * BATCH], folded[SUMS];
	int i = 0;
	CVT_UNROLL
	for (int k = 0; k < ROWS * BATCH; k++)
		a[k] = vzero();
	for (; i + VL <= columns; i += VL) {
		vf row[ROWS];
		CVT_UNROLL
		for (int r = 0; r < ROWS; r++)
			row[r] = vloadu(w[r] + i);
		for (int r = 0; r < n_next; r++)
			__builtin_prefetch(next[r] + i, 0, 3);
		CVT_UNROLL
		for (int b = 0; b < BATCH; b++) {
			vf image = vload(x + b * BLOCK_STRIDE + i);
			CVT_UNROLL
			for (int r = 0; r < ROWS; r++)
				a[r * BATCH + b] += row[r] * image;
		}
	}
	if (i < columns)
		CVT_UNROLL
		for (int r = 0; r < ROWS; r++) {
			vf row = vload_n(w[r] + i, columns - i);
			CVT_UNROLL
			for (int b = 0; b < BATCH; b++)
				a[r * BATCH + b] += row * vload(x + b * BLOCK_STRIDE + i);
		}
	CVT_UNROLL
	for (int k = 0; k < SUMS; k++)
		folded[k] = k < ROWS * BATCH ? a[k] : vzero();
	CVT_UNROLL
	for (int k = 0; k < SUMS; k += VL) {
		fold(folded + k);
		vstoreu(sums + k, folded[k]);
	}
}

/* [n, columns] to rows BLOCK_STRIDE apart, zeros to whole vectors and whole register blocks. */
static void copy_block(const float *x, ptrdiff_t stride, int n, int columns, float *to)
{
	for (int b = 0; b < (n + BATCH - 1) / BATCH * BATCH; b++) {
		float *t = to + b * BLOCK_STRIDE;
		for (int i = 0; i < columns; i += VL) {
			int left = columns - i;
			vstore(t + i, b >= n ? vzero() : left < VL ? vload_n(x + b * stride + i, left) : vloadu(x + b * stride + i));
		}
	}
}

/* Sums of `blocks` blocks of inputs from i0 on, for all outputs: a few rows of W at a time are read from end to end, as memory likes it. */
static void forward_blocks(const struct cvt_dense_forward *a, int b0, int n, int i0, int blocks)
{
	int groups = (n + BATCH - 1) / BATCH;
	ptrdiff_t block_floats = (ptrdiff_t)groups * BATCH * BLOCK_STRIDE;
	for (int k = 0, i = i0; k < blocks; k++, i += BLOCK)
		copy_block(a->x + b0 * a->x_stride + i, a->x_stride, n, a->columns - i < BLOCK ? a->columns - i : BLOCK, a->scratch + k * block_floats);
	for (int o = 0; o < a->out; o += ROWS) {
		int rows = a->out - o < ROWS ? a->out - o : ROWS;
		for (int k = 0, i = i0; k < blocks; k++, i += BLOCK) {
			const float *w[ROWS], *next[ROWS];
			int columns = a->columns - i < BLOCK ? a->columns - i : BLOCK, below = (k + AHEAD) / blocks * ROWS;
			for (int r = 0; r < ROWS; r++) {
				w[r] = a->weight + (o + (r < rows ? r : 0)) * a->weight_stride + i;
				next[r] = w[r] + (o + below + ROWS <= a->out ? below * a->weight_stride + ((k + AHEAD) % blocks - k) * BLOCK : 0);
			}
			for (int g = 0; g < groups; g++) {
				float sums[SUMS];
				int from = ROWS * g / groups;
				dots(a->scratch + k * block_floats + g * BATCH * BLOCK_STRIDE, w, columns, next + from, ROWS * (g + 1) / groups - from, sums);
				for (int r = 0; r < rows; r++) {
					v4 *to = (v4 *)(a->sums + (o + r) * a->sums_stride + b0 + g * BATCH), sum = *(const v4 *)(sums + r * BATCH);
					*to = i ? *to + sum : sum;
				}
			}
		}
	}
}

static void dense_forward(const struct cvt_dense_forward *a)
{
	int most = cvt_dense_forward_blocks(a->n < IMAGES ? a->n : IMAGES);
	for (int i = 0; i < a->columns; i += most * BLOCK) {
		int left = (a->columns - i + BLOCK - 1) / BLOCK;
		for (int b = 0; b < a->n; b += IMAGES)
			forward_blocks(a, b, a->n - b < IMAGES ? a->n - b : IMAGES, i, left < most ? left : most);
	}
}

static void finish(const float *sums, ptrdiff_t part_stride, int parts, ptrdiff_t sums_stride, int n, int out,
	const float *bias, bool relu, float *y, ptrdiff_t y_stride)
{
	for (int o = 0; o < out; o++)
		for (int b = 0; b < n; b += BATCH) {
			const float *s = sums + o * sums_stride + b;
			v4 sum = *(const v4 *)s;
			for (int p = 1; p < parts; p++)
				sum += *(const v4 *)(s + p * part_stride);
			if (bias)
				sum += bias[o];
			for (int k = 0; k < BATCH && b + k < n; k++)
				y[(b + k) * y_stride + o] = relu && sum[k] < 0 ? 0 : sum[k];
		}
}

/* ---- backward ---- */

enum {
	R = CVT_VECTOR_REGISTERS >= 32 ? 8 : 4, /* rows of a register block, two vectors wide */
	WIDE = 2 * VL
};
_Static_assert(CVT_DENSE_PANEL % R == 0, "a panel of dy is whole register blocks");

/* a[r] += sum over k of s[k][r] * p[k], two vectors wide; s is a panel. */
CVT_INLINE void multiply(vf a[R][2], const float *s, const float *p, int stride, int terms)
{
	for (int k = 0; k < terms; k++, s += CVT_DENSE_PANEL, p += stride) {
		vf p0 = vload(p), p1 = vload(p + VL);
		CVT_UNROLL
		for (int r = 0; r < R; r++) {
			a[r][0] += p0 * s[r];
			a[r][1] += p1 * s[r];
		}
	}
}

/* [rows, columns] to rows to_stride apart, zeros to whole register blocks. */
static void copy_columns(const float *x, ptrdiff_t stride, int rows, int columns, float *to, int to_stride)
{
	for (int r = 0; r < rows; r++, x += stride, to += to_stride) {
		int i = 0;
		for (; i + VL <= columns; i += VL)
			vstore(to + i, vloadu(x + i));
		for (; i % WIDE || i < columns; i += VL)
			vstore(to + i, i < columns ? vload_n(x + i, columns - i) : vzero());
	}
}

CVT_INLINE void put(float *to, vf v, int lanes, bool stream)
{
	if (lanes < VL)
		vstore_n(to, v, lanes);
	else if (stream)
		vstream(to, v);
	else
		vstoreu(to, v);
}

/* One vector of one row: the gradient g goes out, or changes w (in scratch) on its way back. */
CVT_INLINE void update(const struct cvt_dense_backward *a, ptrdiff_t at, vf g, vf w, int lanes, bool stream)
{
	if (a->dweight) {
		put(a->dweight + at, g, lanes, stream);
		return;
	}
	g += w * a->weight_decay;
	if (a->velocity) {
		g += (lanes < VL ? vload_n(a->velocity + at, lanes) : vloadu(a->velocity + at)) * a->momentum;
		put(a->velocity + at, g, lanes, stream);
	}
	put(a->weight + at, w - g * a->lr, lanes, stream);
}

/* dX of columns i..i+WIDE: W's `rows` rows from row o add their part to dx [n, stride]. */
static void input_gradient(const struct cvt_dense_backward *a, int o, int rows, const float *w, float *dx)
{
	int stride = cvt_dense_columns_stride(a->n);
	for (int b = 0; b < a->n; b += R) {
		const float *panel = a->dy_by_image + ((ptrdiff_t)(b / CVT_DENSE_PANEL) * a->out + o) * CVT_DENSE_PANEL + b % CVT_DENSE_PANEL;
		float *d = dx + b * stride;
		vf sum[R][2];
		CVT_UNROLL
		for (int r = 0; r < R; r++)
			for (int c = 0; c < 2; c++)
				sum[r][c] = o ? vload(d + r * stride + c * VL) : vzero();
		multiply(sum, panel, w, stride, rows);
		CVT_UNROLL
		for (int r = 0; r < R; r++)
			for (int c = 0; c < 2; c++)
				vstore(d + r * stride + c * VL, sum[r][c]);
	}
}

/* What comes after a block of rows: the next rows, or the first ones of the columns beside. A part of them is fetched with each register
 * block, as the memory takes only some tens of requests at a time. */
struct next { ptrdiff_t at; int rows, blocks, done; };

CVT_INLINE void fetch(const struct cvt_dense_backward *a, struct next *next)
{
	int from = next->rows * next->done / next->blocks, to = next->rows * ++next->done / next->blocks;
	for (int r = from; r < to; r++) {
		prefetch_row(a->weight + next->at + r * a->weight_stride, a->columns);
		if (a->velocity && !a->dweight)
			prefetch_row(a->velocity + next->at + r * a->weight_stride, a->columns);
	}
}

/* dW of columns i..i+WIDE of `rows` rows from row o, and the update. */
CVT_INLINE void weight_gradient(const struct cvt_dense_backward *a, int o0, int rows, int i, const float *w, const float *x, struct next *next,
	bool stream)
{
	int lanes = a->columns - i, stride = cvt_dense_columns_stride(a->n);
	for (int o = 0; o < rows; o += R) {
		fetch(a, next);
		const float *panel = a->dy_by_output + (ptrdiff_t)((o0 + o) / CVT_DENSE_PANEL) * a->n * CVT_DENSE_PANEL + o % CVT_DENSE_PANEL;
		vf sum[R][2];
		CVT_UNROLL
		for (int r = 0; r < R; r++)
			sum[r][0] = sum[r][1] = vzero();
		multiply(sum, panel, x, stride, a->n);
		CVT_UNROLL
		for (int r = 0; r < R; r++)
			for (int c = 0; c < 2; c++)
				if (o + r < rows && lanes > c * VL)
					update(a, (o0 + o + r) * a->weight_stride + i + c * VL, sum[r][c],
						vload(w + (o + r) * stride + c * VL), lanes < (c + 1) * VL ? lanes - c * VL : VL, stream);
	}
}

static void write_dx(const struct cvt_dense_backward *a, const float *dx)
{
	int stride = cvt_dense_columns_stride(a->n);
	bool stream = !a->dx_adds && a->stream && ((uintptr_t)a->dx | (uintptr_t)a->dx_stride * 4) % (4 * VL) == 0;
	for (int b = 0; b < a->n; b++)
		for (int i = 0; i < a->columns; i += VL) {
			float *to = a->dx + b * a->dx_stride + i;
			int lanes = a->columns - i < VL ? a->columns - i : VL;
			vf v = vload(dx + b * stride + i);
			put(to, a->dx_adds ? v + vload_n(to, lanes) : v, lanes, stream);
		}
}

static void dense_backward(const struct cvt_dense_backward *a)
{
	int images = (a->n + CVT_DENSE_PANEL - 1) / CVT_DENSE_PANEL * CVT_DENSE_PANEL;
	int block = cvt_dense_rows(a->n), stride = cvt_dense_columns_stride(a->n);
	float *w = a->scratch, *x = w + block * stride, *dx = x + (ptrdiff_t)images * stride;
	float *out = a->dweight ? a->dweight : a->weight;
	bool stream = a->stream && ((uintptr_t)out | (uintptr_t)a->velocity | (uintptr_t)a->weight_stride * 4) % (4 * VL) == 0;
	copy_columns(a->x, a->x_stride, a->n, a->columns, x, stride);
	for (int o = 0; o < a->out; o += block) {
		int rows = a->out - o < block ? a->out - o : block, left = a->out - o - rows;
		struct next next = {.at = left ? (o + rows) * a->weight_stride : a->columns,
			.rows = left && left < block ? left : a->out < block ? a->out : block,
			.blocks = (rows + R - 1) / R * ((a->columns + WIDE - 1) / WIDE)};
		copy_columns(a->weight + o * a->weight_stride, a->weight_stride, rows, a->columns, w, stride);
		for (int i = 0; i < a->columns; i += WIDE) {
			if (a->dx)
				input_gradient(a, o, rows, w + i, dx + i);
			if (stream)
				weight_gradient(a, o, rows, i, w + i, x + i, &next, true);
			else
				weight_gradient(a, o, rows, i, w + i, x + i, &next, false);
		}
	}
	if (a->dx)
		write_dx(a, dx);
	vstream_fence();
}

void CVT_KERNEL_INIT(dense)(struct cvt_dense_kernels *k)
{
	k->forward = dense_forward;
	k->finish = finish;
	k->backward = dense_backward;
}
