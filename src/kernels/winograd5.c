/* winograd5.c - the forward pass of a 5 x 5 convolution, which is the input gradient's too, in few multiplications.
 *
 * A 4 x 4 tile of outputs needs 25 * 16 = 400 products a pair of channels. Seen as a product of polynomials, known at 8 points in each
 * direction, it needs 8 * 8 = 64 (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2015):  Y = A^T [ sum over c of (G g_c G^T) .* (B^T d_c B) ] A,  d_c the 8 x 8 inputs under the tile.
 *   1. B^T d B of STRIP tiles and all input channels, tiles in the lanes:     V[64][in_c][STRIP]
 *   2. for each of the 64: M[out_c][STRIP] = U[out_c][in_c] V[in_c][STRIP], in registers: up to BLOCK outputs x STRIP tiles, the
 *      weights broadcast, sums over c from first to last
 *   3. A^T M A, bias, ReLU and the rest, and 4 rows of pixels back to memory.
 * V and M of a strip stay in the second cache; U (64 numbers a pair of channels, made once a call) streams through. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/winograd5_tile.h"

#if VL == 16
enum { GROUPS = 2, BLOCK = 14 };            /* 28 sums, 2 of V: 30 of 32 registers */
#elif VL == 8
enum { GROUPS = 2, BLOCK = 6 };             /* 12 sums, 2 of V, 1 weight: 15 of 16 */
#else
enum { GROUPS = 3, BLOCK = 4 };
#endif
enum { STRIP = GROUPS * VL, FEW = 4 /* input channels: no M, see multiply_columns_out */, AHEAD = 2 /* channels whose places are asked for */ };
_Static_assert((int)BLOCK <= VL, "transform_weights has a block's outputs in one vector");

static int blocks(int in_c, int out_c) { return (out_c + BLOCK - 1) / BLOCK; }
static int block_outputs(int out_c) { int n = blocks(0, out_c); return (out_c + n - 1) / n; }   /* even blocks */
/* V and M have one vector more a plane: strides that are powers of two would fight for the same cache sets. */
static ptrdiff_t v_plane(int in_c) { return (ptrdiff_t)in_c * STRIP + VL; }
static ptrdiff_t m_plane(int out_c) { return (ptrdiff_t)blocks(0, out_c) * block_outputs(out_c) * STRIP + VL; }

static size_t weights_floats(int in_c, int out_c)
{
	return (size_t)64 * blocks(0, out_c) * block_outputs(out_c) * in_c;
}

static size_t forward_scratch(int in_c, int out_c)
{
	return sizeof(float) * 64 * (size_t)(v_plane(in_c) + m_plane(out_c)) + sizeof(double) * 2 * VL * (size_t)out_c;
}

/* U = G g G^T of one block of outputs, the outputs in the lanes: weights[64][block][in_c][outputs of a block]. */
static void transform_weights(int in_c, int out_c, const float *weight, ptrdiff_t out_step, ptrdiff_t in_step, bool flipped,
	int block, float *weights)
{
	int outputs = block_outputs(out_c), n_blocks = blocks(0, out_c), first = block * outputs;
	int n = out_c - first < outputs ? out_c - first : outputs;
	ptrdiff_t plane = (ptrdiff_t)n_blocks * in_c * outputs;

	for (int c = 0; c < in_c; c++) {
		vf g[25], columns[40], u[8];
		float lanes[25][VL] __attribute__((aligned(64)));
		float *to = weights + ((ptrdiff_t)block * in_c + c) * outputs;
		memset(lanes, 0, sizeof lanes);
		for (int o = 0; o < n; o++) {
			const float *from = weight + (first + o) * out_step + c * in_step;
			for (int i = 0; i < 25; i++)
				lanes[i][o] = from[flipped ? 24 - i : i];
		}
		for (int i = 0; i < 25; i++)
			g[i] = vload(lanes[i]);
		for (int i = 0; i < 5; i++)
			transform_weight(g + i, 5, columns + i, 5);
		for (int r = 0; r < 8; r++) {
			transform_weight(columns + 5 * r, 1, u, 1);
			for (int i = 0; i < 8; i++)
				vstore_n(to + (r * 8 + i) * plane, u[i], outputs);
		}
	}
}

/* m[outputs][STRIP] = u[in_c][outputs] (broadcast) times v[in_c][STRIP], of the strip's first groups. */
CVT_INLINE void product_of(int outputs, int groups, int in_c, const float *v, const float *u, float *m)
{
	vf sum[BLOCK][GROUPS];
	CVT_UNROLL
	for (int o = 0; o < outputs; o++)
		CVT_UNROLL
		for (int t = 0; t < groups; t++)
			sum[o][t] = vzero();
	for (int c = 0; c < in_c; c++, u += outputs, v += STRIP) {
		vf x[GROUPS];
		CVT_UNROLL
		for (int t = 0; t < groups; t++)
			x[t] = vload(v + t * VL);
		CVT_UNROLL
		for (int o = 0; o < outputs; o++)
			CVT_UNROLL
			for (int t = 0; t < groups; t++)
				sum[o][t] += x[t] * u[o];
	}
	CVT_UNROLL
	for (int o = 0; o < outputs; o++)
		CVT_UNROLL
		for (int t = 0; t < groups; t++)
			vstore(m + o * STRIP + t * VL, sum[o][t]);
}

CVT_PHASE void product(int outputs, int groups, int in_c, const float *v, const float *u, float *m)
{
	switch (outputs * (GROUPS + 1) + groups) {
#define CASE_OF(n, g) case n * (GROUPS + 1) + g: product_of(n, g, in_c, v, u, m); break;
#if VL >= 8
#define CASE(n) CASE_OF(n, 1) CASE_OF(n, 2)
#else
#define CASE(n) CASE_OF(n, 1) CASE_OF(n, 2) CASE_OF(n, 3)
#endif
	CASE(1) CASE(2) CASE(3) CASE(4)
#if VL >= 8
	CASE(5) CASE(6)
#endif
#if VL >= 16
	CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14)
#endif
#undef CASE
#undef CASE_OF
	}
}

/* What happens to an output of channel o between the sum and memory. */
struct finish { vf bias, scale, shift, pivot; bool relu, scales, scale_after_relu, smallest; };

CVT_INLINE vf finish(const struct finish *f, vf z)
{
	z += f->bias;
	if (f->scales && !f->scale_after_relu)
		z = z * f->scale + f->shift;
	if (f->relu)
		z = vrelu(z);
	if (f->scales && f->scale_after_relu)
		z = z * f->scale + f->shift;
	return z;
}

/* One vector of each of the tiles' 4 rows of pixels, in order, to memory. z: rows z_step vectors apart. */
CVT_INLINE void write_piece(const struct cvt_winograd5_forward *a, const struct piece *p, float *plane, const vf *z, int z_step)
{
	float *to = plane + p->image * a->y_stride + (ptrdiff_t)p->row * a->w + p->column - p->from;
	int rows = a->h - p->row < 4 ? a->h - p->row : 4;
	bool full = p->from == 0 && p->to == VL;

	if (full && a->stream && !a->adds && p->column % VL == 0) {
		for (int i = 0; i < rows; i++)
			vstream(to + (ptrdiff_t)i * a->w, z[i * z_step]);
	} else if (full && !a->adds) {
		for (int i = 0; i < rows; i++)
			vstoreu(to + (ptrdiff_t)i * a->w, z[i * z_step]);
	} else {
		for (int i = 0; i < rows; i++, to += a->w) {
			vf v = z[i * z_step];
			if (a->adds)
				v += vload_range(to, p->from, p->to);
			vstore_fours(to, v, p->from, p->to);
		}
	}
}

/* Adds the pixels of a piece to sum and squares. */
CVT_INLINE void sum_piece(const struct cvt_winograd5_forward *a, const struct piece *p, const vf *z, int z_step, vf pivot, vf *sum,
	vf *squares)
{
	float lanes[VL] __attribute__((aligned(64)));
	for (int i = 0; i < 4 && p->row + i < a->h; i++) {
		vf d;
		vstore(lanes, z[i * z_step] - pivot);
		d = vload_range(lanes, p->from, p->to);
		*sum += d;
		*squares += d * d;
	}
}

CVT_INLINE vf extreme(bool smallest, vf a, vf b, vf c, vf d)
{
	return smallest ? vmin(vmin(a, b), vmin(c, d)) : vmax(vmax(a, b), vmax(c, d));
}

/* Asks for where rows of a group's pieces will go: a store that misses the caches holds up all that come after it. */
CVT_INLINE void prefetch_places(const struct piece *pieces, int n, int rows, float *plane, ptrdiff_t stride, int w)
{
	for (int i = 0; i < n; i++)
		for (int row = 0; row < rows; row++)
			__builtin_prefetch(plane + pieces[i].image * stride + (ptrdiff_t)(pieces[i].row + row) * w + pieces[i].column, 1, 3);
}

/* The largest (smallest) of each 2 x 2: the tiles' 2 x 2 results side by side, then the upper rows together and the lower ones. */
CVT_INLINE void write_pooled(const struct cvt_winograd5_forward *a, const struct group *g, bool smallest, vf z[4][4], float *plane)
{
	vf p[4], rows[2][2];
	CVT_UNROLL
	for (int i = 0; i < 4; i++) {
		int r = i & 2, c = 2 * (i & 1);
		p[i] = extreme(smallest, z[r][c], z[r][c + 1], z[r + 1][c], z[r + 1][c + 1]);
	}
	vtranspose4(p);
	CVT_UNROLL
	for (int i = 0; i < 2; i++)
		vpairs(p[2 * i], p[2 * i + 1], &rows[0][i], &rows[1][i]);
	for (int row = 0; row < 2; row++)
		for (int i = 0; i < g->n_halves; i++) {
			const struct piece *s = &g->halves[i];
			float *to = plane + s->image * a->pooled_stride + (ptrdiff_t)(s->row + row) * (a->w / 2) + s->column - s->from;
			if (s->row + row >= a->h / 2)
				continue;
			if (s->from == 0 && s->to == VL && a->stream_pooled && s->column % VL == 0)
				vstream(to, rows[row][s->vector]);
			else
				vstore_range(to, rows[row][s->vector], s->from, s->to);
		}
}

/* The columns of A^T M A for one channel and group. m: [64] vectors, step apart. */
CVT_INLINE void transform_columns_out(const float *m, ptrdiff_t step, vf s[4][8])
{
	for (int column = 0; column < 8; column++) {
		vf in[8], out[4];
		CVT_UNROLL
		for (int row = 0; row < 8; row++)
			in[row] = vload(m + (row * 8 + column) * step);
		transform_out(in, 1, out, 1);
		CVT_UNROLL
		for (int row = 0; row < 4; row++)
			s[row][column] = out[row];
	}
}

/* The same straight from V, for `outputs` channels at once, where there are so few input channels that M would cost more to write and
 * read again than to make. v: [64] planes of [in_c][STRIP], vk apart; u: [64] of [in_c][of outputs_step], uk apart. */
CVT_INLINE void multiply_columns_out(int in_c, int outputs, const float *v, ptrdiff_t vk, const float *u, ptrdiff_t uk, int u_step,
	vf s[][4][8])
{
	for (int column = 0; column < 8; column++) {
		vf m[2][8], out[4];
		CVT_UNROLL
		for (int row = 0; row < 8; row++) {
			const float *vr = v + (row * 8 + column) * vk, *ur = u + (row * 8 + column) * uk;
			CVT_UNROLL
			for (int c = 0; c < in_c; c++) {
				vf x = vload(vr + c * STRIP);
				CVT_UNROLL
				for (int o = 0; o < outputs; o++)
					m[o][row] = c == 0 ? x * ur[o] : m[o][row] + x * ur[c * u_step + o];
			}
		}
		CVT_UNROLL
		for (int o = 0; o < outputs; o++) {
			transform_out(m[o], 1, out, 1);
			CVT_UNROLL
			for (int row = 0; row < 4; row++)
				s[o][row][column] = out[row];
		}
	}
}

/* The rows of A^T M A, finished and written. plane, pooled: the channel in image 0, or NULL; ahead: the one AHEAD of it exists. */
CVT_INLINE void write_rows(const struct cvt_winograd5_forward *a, const struct group *g, const struct finish *f, vf s[4][8],
	float *plane, float *pooled, bool ahead, bool sums, vf *sum, vf *squares)
{
	vf z[4][4];
	for (int row = 0; row < 4; row++) {
		transform_out(s[row], 1, z[row], 1);
		CVT_UNROLL
		for (int i = 0; i < 4; i++) {
			z[row][i] = finish(f, z[row][i]);
			if (sums && g->whole) {
				vf d = z[row][i] - f->pivot;
				*sum += d;
				*squares += d * d;
			}
		}
	}
	if (pooled) {
		if (ahead && !a->stream_pooled)
			prefetch_places(g->halves, g->n_halves, 2, pooled + AHEAD * (ptrdiff_t)(a->h / 2) * (a->w / 2), a->pooled_stride, a->w / 2);
		write_pooled(a, g, f->smallest, z, pooled);
	}
	if (!plane && !(sums && !g->whole))
		return;
	if (ahead && plane && !a->stream)
		prefetch_places(g->pieces, g->n_pieces, 4, plane + AHEAD * (ptrdiff_t)a->h * a->w, a->y_stride, a->w);
	CVT_UNROLL
	for (int row = 0; row < 4; row++)
		vtranspose4(z[row]);
	for (int i = 0; i < g->n_pieces; i++) {
		if (plane)
			write_piece(a, &g->pieces[i], plane, &z[0][g->pieces[i].vector], 4);
		if (sums && !g->whole)
			sum_piece(a, &g->pieces[i], &z[0][g->pieces[i].vector], 4, f->pivot, sum, squares);
	}
}

CVT_PHASE void write_channel(const struct cvt_winograd5_forward *a, const struct group *g, int o, vf s[4][8], double *sums)
{
	struct finish f = { .bias = vset(a->bias ? a->bias[o] : 0), .scale = vset(a->scale ? a->scale[o] : 1),
		.shift = vset(a->scale ? a->shift[o] : 0), .pivot = vset(a->sums ? a->pivot[o] : 0), .relu = a->relu, .scales = a->scale,
		.scale_after_relu = a->scale_after_relu, .smallest = a->pool_sign && a->pool_sign[o] < 0 };
	float *plane = a->y ? a->y + (ptrdiff_t)o * a->h * a->w : NULL;
	float *pooled = a->pooled ? a->pooled + (ptrdiff_t)o * (a->h / 2) * (a->w / 2) : NULL;
	vf sum = vzero(), squares = vzero();
	bool ahead = o + AHEAD < a->out_c;

	if (!a->sums) {
		write_rows(a, g, &f, s, plane, pooled, ahead, false, NULL, NULL);
		return;
	}
	write_rows(a, g, &f, s, plane, pooled, ahead, true, &sum, &squares);
	vadd_to_doubles(sums + (ptrdiff_t)o * 2 * VL, sum);
	vadd_to_doubles(sums + (ptrdiff_t)o * 2 * VL + VL, squares);
}

CVT_PHASE void write_strip(const struct cvt_winograd5_forward *a, const struct group *groups, int n_groups, const float *m, double *sums)
{
	ptrdiff_t mk = m_plane(a->out_c);
	for (int o = 0; o < a->out_c; o++)
		for (int i = 0; i < n_groups; i++) {
			vf s[4][8];
			transform_columns_out(m + (ptrdiff_t)o * STRIP + i * VL, mk, s);
			write_channel(a, &groups[i], o, s, sums);
		}
}

CVT_PHASE void multiply_and_write(const struct cvt_winograd5_forward *a, const struct group *g, const float *v, double *sums)
{
	int outputs = block_outputs(a->out_c), n_blocks = blocks(0, a->out_c);
	ptrdiff_t vk = v_plane(a->in_c), uk = (ptrdiff_t)n_blocks * a->in_c * outputs;
	for (int b = 0; b < n_blocks; b++)
		for (int i = 0, n; i < outputs && b * outputs + i < a->out_c; i += n) {
			const float *u = a->weights + (ptrdiff_t)b * a->in_c * outputs + i;
			vf s[2][4][8];
			n = i + 1 < outputs && b * outputs + i + 1 < a->out_c ? 2 : 1;
			switch (2 * a->in_c + n) {
#define CASE(c, n) case 2 * c + n: multiply_columns_out(c, n, v, vk, u, uk, outputs, s); break;
			CASE(1, 1) CASE(1, 2) CASE(2, 1) CASE(2, 2) CASE(3, 1) CASE(3, 2) CASE(4, 1) CASE(4, 2)
#undef CASE
			}
			for (int j = 0; j < n; j++)
				write_channel(a, g, b * outputs + i + j, s[j], sums);
		}
}

/* The groups of the strip that begins with this tile, and the one after them; without tiles where there are no more. Returns how many are of
 * the strip. */
static int find_groups(const struct cvt_winograd5_forward *a, long tile, struct group groups[GROUPS + 1])
{
	int n = 0;
	for (int i = 0; i <= GROUPS; i++) {
		long first = tile + i * VL, left = a->last_tile - first;
		groups[i].n_tiles = 0;
		if (left > 0)
			find_group(&groups[i], first, left < VL ? (int)left : VL, a->h, a->w);
		n += i < GROUPS && left > 0;
	}
	return n;
}

static void transform_and_multiply(const struct cvt_winograd5_forward *a)
{
	int outputs = block_outputs(a->out_c), n_blocks = blocks(0, a->out_c);
	ptrdiff_t vk = v_plane(a->in_c), mk = m_plane(a->out_c);
	float *v = a->scratch, *m = v + 64 * vk;
	double *sums = (double *)(m + 64 * mk);

	if (a->sums)
		memset(sums, 0, sizeof(double) * 2 * VL * (size_t)a->out_c);
	for (long tile = a->first_tile; tile < a->last_tile; tile += STRIP) {
		struct group groups[GROUPS + 1];        /* the last: the first of the next strip */
		int n_groups = find_groups(a, tile, groups);
		for (int i = 0; i < n_groups; i++)
			for (int c = 0; c < a->in_c; c++) {
				prefetch_ahead(&groups[i], &groups[i + 1], c, a->in_c, a->x, a->x_stride, a->h, a->w);
				transform_input(&groups[i], a->x + (ptrdiff_t)c * a->h * a->w, a->x_stride, a->h, a->w,
					v + (ptrdiff_t)c * STRIP + i * VL, vk);
			}
		if (a->in_c <= FEW) {
			for (int i = 0; i < n_groups; i++)
				multiply_and_write(a, &groups[i], v + i * VL, sums);
			continue;
		}
		for (int k = 0; k < 64; k++)
			for (int b = 0; b < n_blocks; b++)
				product(outputs, n_groups, a->in_c, v + k * vk, a->weights + ((ptrdiff_t)k * n_blocks + b) * a->in_c * outputs,
					m + k * mk + (ptrdiff_t)b * outputs * STRIP);
		write_strip(a, groups, n_groups, m, sums);
	}
	for (int i = 0; a->sums && i < 2 * a->out_c; i++) {
		double s = 0;
		for (int lane = 0; lane < VL; lane++)
			s += sums[(ptrdiff_t)i * VL + lane];
		a->sums[i] = s;
	}
	vstream_fence();
}

static void split_columns(const float *row, int w, float *even, float *odd)
{
	int i = 0;
	for (; 2 * (i + VL) <= w; i += VL) {
		vf e, o;
		vdeinterleave2(vloadu(row + 2 * i), vloadu(row + 2 * i + VL), &e, &o);
		vstoreu(even + i, e);
		vstoreu(odd + i, o);
	}
	for (; 2 * i < w; i++) {
		even[i] = row[2 * i];
		odd[i] = 2 * i + 1 < w ? row[2 * i + 1] : 0;
	}
}

void CVT_KERNEL_INIT(winograd5)(struct cvt_winograd5_kernels *k)
{
	k->weights_floats = weights_floats;
	k->weights_blocks = blocks;
	k->transform_weights = transform_weights;
	k->forward_scratch = forward_scratch;
	k->forward = transform_and_multiply;
	k->split_columns = split_columns;
	CVT_KERNEL_NAME(cvt_winograd5_gradient_init)(k);
}
