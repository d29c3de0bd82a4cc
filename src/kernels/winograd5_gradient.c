/* winograd5_gradient.c - the weight gradient of a 5 x 5 convolution: the forward pass of winograd5.c, turned around.
 *
 * With U = G g G^T, y = A^T [ sum U .* V ] A: the chain rule gives  dU[64][c][o] = sum over tiles t of V[64][c][t] P[64][t][o],  where
 * V = B^T x B as in the forward pass and P = A dy A^T (4 x 4 pixels to 8 x 8), and  dg = G^T dU G.
 *   1. V of STRIP tiles, tiles in the lanes, and P of the same tiles, output channels in the lanes (pixels are transposed first:
 *      VL channels x VL pixels in registers, a quarter of the shuffles that P itself would take)
 *   2. for each of the 64: dU[c][o] += V[c][t] P[t][o], V broadcast, a block of c x o in registers, t from first to last
 *   3. once a call: dU of all chunks of images added in order, then G^T dU G.
 * P[1][1] (both points 1) is the sum of the tile's pixels: the bias's gradient comes for nothing. */
#include "kernels/kernels.h"
#include "kernels/vec.h"
#include "kernels/winograd5_tile.h"

enum { STRIP = 32, GROUPS = STRIP / VL, FEW = 4 };

static int vectors(int channels) { return (channels + VL - 1) / VL; }
static ptrdiff_t v_plane(int in_c) { return (ptrdiff_t)in_c * STRIP + VL; }
static ptrdiff_t p_plane(int out_c) { return (ptrdiff_t)STRIP * vectors(out_c) * VL + VL; }
static ptrdiff_t u_plane(int in_c, int out_c) { return (ptrdiff_t)in_c * vectors(out_c) * VL; }

static size_t accumulator_floats(int in_c, int out_c) { return 64 * (size_t)u_plane(in_c, out_c); }

static size_t gradient_scratch(int in_c, int out_c)
{
	return sizeof(float) * 64 * (size_t)(v_plane(in_c) + p_plane(out_c));
}

/* The pixels of one piece with VL output channels (n of them exist) in the lanes. dy: the first channel's plane in image 0. */
CVT_INLINE void transpose_piece(const struct cvt_winograd5_gradient *a, const struct piece *s, const float *dy, int n, vf pixels[4][VL])
{
	ptrdiff_t plane = a->dy_plane;
	for (int r = 0; r < 4; r++) {
		const float *from = dy + s->image * a->dy_stride + (ptrdiff_t)(s->row - a->dy_row + r) * a->w + s->column;
		if (s->row + r >= a->h) {
			for (int i = 0; i < VL; i++)
				pixels[r][i] = vzero();
			continue;
		}
		if (n == VL && s->to - s->from == VL) {
			CVT_UNROLL
			for (int i = 0; i < VL; i++)
				pixels[r][i] = vloadu(from + i * plane);
		} else {
			for (int i = 0; i < VL; i++)
				pixels[r][i] = i < n ? vload_n(from + i * plane, s->to - s->from) : vzero();
		}
		vtranspose(pixels[r]);
	}
}

/* Asks for a piece's pixels of n channels: a line of each plane and row, which no processor guesses. */
CVT_INLINE void prefetch_piece(const struct cvt_winograd5_gradient *a, const struct piece *s, const float *dy, int n)
{
	int rows = a->h - s->row < 4 ? a->h - s->row : 4;
	for (int i = 0; i < n; i++)
		for (int r = 0; r < rows; r++)
			__builtin_prefetch(dy + s->image * a->dy_stride + i * a->dy_plane + (ptrdiff_t)(s->row - a->dy_row + r) * a->w + s->column, 0, 3);
}

/* The lane that V has tile t of a piece in. */
static int lane_of(const struct piece *s, int t) { return 4 * (s->from / 4 + t) + s->vector; }

/* P of the tiles of one piece. p: [64][STRIP][..]. */
CVT_PHASE void transform_piece(const struct cvt_winograd5_gradient *a, const struct piece *s, const float *dy, int n, float *p)
{
	int tiles = (s->to - s->from + 3) / 4, row_step = vectors(a->out_c) * VL;
	ptrdiff_t pk = p_plane(a->out_c);
	vf pixels[4][VL];

	transpose_piece(a, s, dy, n, pixels);
	for (int t = 0; t < tiles; t++) {
		float *to = p + (ptrdiff_t)lane_of(s, t) * row_step;
		vf columns[8 * 4], o[8];
		CVT_UNROLL
		for (int i = 0; i < 4; i++)
			transform_out_adjoint(&pixels[0][0] + 4 * t + i, VL, columns + i, 4);
		CVT_UNROLL
		for (int r = 0; r < 8; r++) {
			transform_out_adjoint(columns + 4 * r, 1, o, 1);
			CVT_UNROLL
			for (int i = 0; i < 8; i++)
				vstore(to + (r * 8 + i) * pk, o[i]);
		}
	}
}

/* Few input channels: P would cost more to write and read again than to make, so the last half of its transform feeds the sums, `wide`
 * of a row's 8 points at a time. columns: [n tiles][8 rows][4]; v: the group's lanes, planes vk apart; u: planes uk apart. */
CVT_INLINE void multiply_rows(int in_c, int wide, int n, const vf *columns, const int *lanes, const float *v, ptrdiff_t vk, float *u,
	ptrdiff_t uk, int u_step)
{
	for (int r = 0; r < 8; r++)
		CVT_UNROLL
		for (int first = 0; first < 8; first += wide) {
			vf sum[8][4];
			CVT_UNROLL
			for (int i = 0; i < wide; i++)
				CVT_UNROLL
				for (int c = 0; c < in_c; c++)
					sum[i][c] = vload(u + (r * 8 + first + i) * uk + c * u_step);
			for (int t = 0; t < n; t++) {
				const float *b = v + (r * 8 + first) * vk + lanes[t];
				vf o[8];
				transform_out_adjoint(columns + (t * 8 + r) * 4, 1, o, 1);
				CVT_UNROLL
				for (int i = 0; i < wide; i++)
					CVT_UNROLL
					for (int c = 0; c < in_c; c++)
						sum[i][c] += o[first + i] * b[i * vk + c * STRIP];
			}
			CVT_UNROLL
			for (int i = 0; i < wide; i++)
				CVT_UNROLL
				for (int c = 0; c < in_c; c++)
					vstore(u + (r * 8 + first + i) * uk + c * u_step, sum[i][c]);
		}
}

/* dU += V P for one group and VL output channels, and the bias's gradient. v: the group's V; u, bias: of the first channel. */
CVT_PHASE void accumulate_few(const struct cvt_winograd5_gradient *a, const struct group *g, const struct group *next, const float *dy, int n,
	const float *v, float *u, double *bias)
{
	enum { AT_ONCE = VL / 2 < 4 ? 4 : VL / 2 /* tiles: their columns stay in the first cache */ };
	vf pixels[4][VL], columns[(AT_ONCE + VL / 4) * 8 * 4], sum = vzero();
	float lanes_of_sum[VL] __attribute__((aligned(64)));
	int lanes[AT_ONCE + VL / 4], tiles = 0, stride = vectors(a->out_c) * VL;

	for (int i = 0; i < g->n_pieces; i++) {
		const struct piece *s = &g->pieces[i];
		if (i + 1 < g->n_pieces)
			prefetch_piece(a, s + 1, dy, n);
		else if (next->n_tiles)
			prefetch_piece(a, &next->pieces[0], dy, n);
		transpose_piece(a, s, dy, n, pixels);
		for (int t = 0; t < (s->to - s->from + 3) / 4; t++, tiles++) {
			lanes[tiles] = lane_of(s, t);
			CVT_UNROLL
			for (int x = 0; x < 4; x++) {
				transform_out_adjoint(&pixels[0][0] + 4 * t + x, VL, columns + tiles * 32 + x, 4);
				sum += columns[tiles * 32 + 4 + x];
			}
		}
		if (tiles < AT_ONCE && i + 1 < g->n_pieces)
			continue;
		switch (a->in_c) {
#define CASE(c, wide) case c: multiply_rows(c, wide, tiles, columns, lanes, v, v_plane(c), u, u_plane(c, a->out_c), stride); break;
		CASE(1, 8) CASE(2, VL == 16 ? 8 : 4) CASE(3, VL == 16 ? 8 : 4) CASE(4, VL == 16 ? 4 : 2)
#undef CASE
		}
		tiles = 0;
	}
	vstore(lanes_of_sum, sum);
	for (int o = 0; o < n; o++)
		bias[o] += (double)lanes_of_sum[o];
}

static void transform_outputs(const struct cvt_winograd5_gradient *a, const struct group *g, const struct group *next, float *p)
{
	int n_vectors = vectors(a->out_c);
	ptrdiff_t plane = a->dy_plane;
	if (g->n_tiles < VL)
		for (int k = 0; k < 64; k++)
			memset(p + k * p_plane(a->out_c), 0, sizeof(float) * VL * n_vectors * VL);
	for (int v = 0; v < n_vectors; v++) {
		int n = a->out_c - v * VL < VL ? a->out_c - v * VL : VL;
		for (int i = 0; i < g->n_pieces; i++) {
			if (i + 1 < g->n_pieces)
				prefetch_piece(a, &g->pieces[i + 1], a->dy + v * VL * plane, n);
			else if (v + 1 < n_vectors)
				prefetch_piece(a, &g->pieces[0], a->dy + (v + 1) * VL * plane, a->out_c - (v + 1) * VL < VL ? a->out_c - (v + 1) * VL : VL);
			else if (next->n_tiles)
				prefetch_piece(a, &next->pieces[0], a->dy, a->out_c < VL ? a->out_c : VL);
			transform_piece(a, &g->pieces[i], a->dy + v * VL * plane, n, p + v * VL);
		}
	}
}

/* u[channels][n vectors] += v[channels][t] p[t][n vectors] for t < tiles; strides in floats. */
CVT_INLINE void product_of(int channels, int n, int tiles, const float *v, const float *p, float *u, int stride)
{
	vf sum[14][4];
	CVT_UNROLL
	for (int c = 0; c < channels; c++)
		CVT_UNROLL
		for (int i = 0; i < n; i++)
			sum[c][i] = vload(u + (ptrdiff_t)c * stride + i * VL);
	for (int t = 0; t < tiles; t++, p += stride) {
		vf x[4];
		CVT_UNROLL
		for (int i = 0; i < n; i++)
			x[i] = vload(p + i * VL);
		CVT_UNROLL
		for (int c = 0; c < channels; c++)
			CVT_UNROLL
			for (int i = 0; i < n; i++)
				sum[c][i] += x[i] * v[c * STRIP + t];
	}
	CVT_UNROLL
	for (int c = 0; c < channels; c++)
		CVT_UNROLL
		for (int i = 0; i < n; i++)
			vstore(u + (ptrdiff_t)c * stride + i * VL, sum[c][i]);
}

/* Vectors of outputs taken together, and channels of a block beside them: as many sums as the registers hold. */
static int together(int left)
{
	const int most = VL == 16 ? 4 : 3;
	return left <= most ? left : left == most + 1 ? (most + 1) / 2 + (most == 4) : most;
}

CVT_PHASE void product(int channels, int n, int tiles, const float *v, const float *p, float *u, int stride)
{
	switch (n * 16 + channels) {
#define CASE(n, c) case n * 16 + c: product_of(c, n, tiles, v, p, u, stride); break;
#define CASES4(n) CASE(n, 1) CASE(n, 2) CASE(n, 3) CASE(n, 4)
#define CASES6(n) CASES4(n) CASE(n, 5) CASE(n, 6)
#define CASES12(n) CASES6(n) CASE(n, 7) CASE(n, 8) CASE(n, 9) CASE(n, 10) CASE(n, 11) CASE(n, 12)
#if VL == 16
	CASES12(1) CASE(1, 13) CASE(1, 14)
	CASES12(2) CASE(2, 13) CASE(2, 14)
	CASES6(3) CASE(3, 7) CASE(3, 8)
	CASES6(4)
#else
	CASES12(1)
	CASES6(2)
	CASES4(3)
#endif
#undef CASES12
#undef CASES6
#undef CASES4
#undef CASE
	}
}

static int block_channels(int n, int in_c)
{
	static const int most[5] = { 1, VL == 16 ? 14 : 12, VL == 16 ? 14 : 6, VL == 16 ? 8 : 4, 6 };
	int n_blocks = (in_c + most[n] - 1) / most[n];
	return (in_c + n_blocks - 1) / n_blocks;
}

/* dU += V P for the tiles of a strip. */
CVT_PHASE void accumulate(const struct cvt_winograd5_gradient *a, const float *v, const float *p)
{
	int n_vectors = vectors(a->out_c), stride = n_vectors * VL;
	for (int k = 0; k < 64; k++) {
		float *u = a->accumulator + k * u_plane(a->in_c, a->out_c);
		for (int i = 0, n; i < n_vectors; i += n) {
			int block;
			n = together(n_vectors - i);
			block = block_channels(n, a->in_c);
			for (int c = 0; c < a->in_c; c += block)
				product(a->in_c - c < block ? a->in_c - c : block, n, STRIP, v + k * v_plane(a->in_c) + (ptrdiff_t)c * STRIP,
					p + k * p_plane(a->out_c) + i * VL, u + (ptrdiff_t)c * stride + i * VL, stride);
		}
	}
}

static void gradient(const struct cvt_winograd5_gradient *a)
{
	ptrdiff_t vk = v_plane(a->in_c), pk = p_plane(a->out_c);
	float *v = a->scratch, *p = v + 64 * vk;
	int row = vectors(a->out_c) * VL;

	if (!a->adds) {
		memset(a->accumulator, 0, sizeof(float) * accumulator_floats(a->in_c, a->out_c));
		memset(a->bias, 0, sizeof(double) * (size_t)a->out_c);
	}
	for (long tile = a->first_tile; tile < a->last_tile; tile += STRIP) {
		int n = a->last_tile - tile < STRIP ? (int)(a->last_tile - tile) : STRIP;
		for (int i = 0; i < GROUPS; i++) {
			struct group g, next;
			if (i * VL >= n) {
				for (int k = 0; k < 64; k++) {
					memset(p + k * pk + (ptrdiff_t)i * VL * row, 0, sizeof(float) * VL * (size_t)row);
					for (int c = 0; c < a->in_c; c++)
						vstore(v + k * vk + (ptrdiff_t)c * STRIP + i * VL, vzero());
				}
				continue;
			}
			find_group(&g, tile + i * VL, n - i * VL < VL ? n - i * VL : VL, a->h, a->w);
			next.n_tiles = 0;
			if (a->last_tile > tile + (i + 1) * VL)
				find_group(&next, tile + (i + 1) * VL, a->last_tile - tile - (i + 1) * VL < VL ? (int)(a->last_tile - tile) - (i + 1) * VL : VL, a->h, a->w);
			for (int c = 0; c < a->in_c; c++) {
				prefetch_ahead(&g, &next, c, a->in_c, a->x, a->x_stride, a->h, a->w);
				transform_input(&g, a->x + (ptrdiff_t)c * a->h * a->w, a->x_stride, a->h, a->w, v + (ptrdiff_t)c * STRIP + i * VL, vk);
			}
			if (a->in_c > FEW) {
				transform_outputs(a, &g, &next, p + (ptrdiff_t)i * VL * row);
				continue;
			}
			for (int o = 0; o < a->out_c; o += VL)
				accumulate_few(a, &g, &next, a->dy + o * a->dy_plane, a->out_c - o < VL ? a->out_c - o : VL, v + i * VL,
					a->accumulator + o, a->bias + o);
		}
		if (a->in_c <= FEW)
			continue;
		for (int o = 0; o < a->out_c; o++) {
			float s = 0;                    /* P of the point (1, 1) */
			for (int t = 0; t < STRIP; t++)
				s += p[9 * pk + (ptrdiff_t)t * row + o];
			a->bias[o] += (double)s;
		}
		accumulate(a, v, p);
	}
}

static void gradient_finish(int in_c, int out_c, int c, int n, const float *accumulators, size_t stride, float *dweight)
{
	int n_vectors = vectors(out_c);
	for (int v = 0; v < n_vectors; v++) {
		vf u[8], rows[5 * 8], g[5];
		float lanes[25][VL] __attribute__((aligned(64)));
		const float *from = accumulators + ((ptrdiff_t)c * n_vectors + v) * VL;
		for (int column = 0; column < 8; column++) {
			for (int r = 0; r < 8; r++) {
				const float *at = from + (r * 8 + column) * u_plane(in_c, out_c);
				u[r] = vload(at);
				for (int i = 1; i < n; i++)
					u[r] += vload(at + (size_t)i * stride);
			}
			transform_weight_adjoint(u, 1, rows + column, 8);
		}
		for (int r = 0; r < 5; r++) {
			transform_weight_adjoint(rows + 8 * r, 1, g, 1);
			for (int i = 0; i < 5; i++)
				vstore(lanes[5 * r + i], g[i]);
		}
		for (int lane = 0; lane < VL && v * VL + lane < out_c; lane++)
			for (int i = 0; i < 25; i++)
				dweight[((ptrdiff_t)(v * VL + lane) * in_c + c) * 25 + i] = lanes[i][lane];
	}
}

void CVT_KERNEL_NAME(cvt_winograd5_gradient_init)(struct cvt_winograd5_kernels *k)
{
	k->accumulator_floats = accumulator_floats;
	k->gradient_scratch = gradient_scratch;
	k->gradient = gradient;
	k->gradient_finish = gradient_finish;
}
