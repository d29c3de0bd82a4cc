/* winograd3.c - 3 x 3 convolutions by Winograd's F(6x6, 3x3), F(4x4, 3x3) and F(2x2, 3x3): the transforms of maps. Channels are in the lanes.
 *
 * A tile of m x m outputs sees a window of a x a inputs, a = m + 2, and costs a*a multiplications a channel pair instead of 9*m*m:
 * 64 for 324, 36 for 144, or 16 for 36. The maps' transforms are additions that are paid once a channel, not once a pair:
 *     forward          V = B^T x B of each window,  M = sum over c of V . U,  y = A^T M A;  U = G w G^T (winograd3_weights.c)
 *     input gradient   the same with dy for x and the weights flipped and transposed
 *     weight gradient  P = A dy A^T,  dU = sum over tiles of V . P,  dw = G^T dU G
 * A segment of tiles comes in as rows of pixels of VL channels, transposed VL x VL in registers, so that columns and tiles of any
 * width are a matter of counting vectors. Outputs are finished (bias, ReLU, norm, sums) while they are still in the lanes, then
 * transposed back to rows. Strips, products and tasks: nn/layers/conv_winograd3.c.
 * (Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.) */
#include "kernels/kernels.h"
#include "kernels/rows.h"
#include "kernels/winograd3_transform.h"

/* One row of pixels x0 .. x0+columns of `channels` <= VL channels, to a vector a pixel; zeros outside the image. `to` has room for VL more. */
CVT_INLINE void load_row(const float *row, ptrdiff_t plane, int channels, int w, int x0, int columns, vf *to)
{
	int first = x0 < 0 ? -x0 : 0, end = w - x0 < columns ? w - x0 : columns;
	for (int i = 0; i < first; i++)
		to[i] = vzero();
	for (int i = first; i < end; i += VL) {
		vf block[VL];
		vload_maps(row + x0 + i, plane, channels, end - i < VL ? end - i : VL, block);
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			to[i + k] = block[k];
	}
	for (int i = end < first ? first : end; i < columns; i++)
		to[i] = vzero();
}

/* Asks for what load_row will read of VL channels: a line or two of each plane, which no processor guesses. */
CVT_INLINE void prefetch_row(const float *row, ptrdiff_t plane, int channels, int w, int x0, int columns)
{
	int first = x0 < 0 ? 0 : x0, end = x0 + columns < w ? x0 + columns : w;
	for (int c = 0; c < channels && c < VL; c++)
		CVT_PREFETCH(row + c * plane + first, end - first);
}

/* The same of a window, while the one before it is loaded: of the next VL channels, or of the first ones of the segment beside or below. */
struct ahead { const float *corner /* row y0, column 0 */; int channels, y0, x0, columns; };

CVT_INLINE struct ahead look_ahead(const struct cvt_winograd3_segment *s, const float *x, int channels, int c, int y0, int m, int x0, int columns)
{
	ptrdiff_t plane = (ptrdiff_t)s->h * s->w;
	struct ahead a = {.y0 = y0, .x0 = x0, .columns = columns};
	if (c + VL < channels) {
		c += VL;
	} else {
		c = 0;
		if (s->x + s->tiles * m < s->w) {
			a.x0 += s->tiles * m;
		} else {
			a.x0 -= s->x;
			a.y0 += m;
		}
	}
	a.channels = channels - c;
	a.corner = x + c * plane + (ptrdiff_t)a.y0 * s->w;
	return a;
}

CVT_INLINE void zero_pixels(vf *to, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = vzero();
}

/* Whole rows of maps narrower than a vector, or a little wider, are loaded together. */
CVT_INLINE bool together(const struct cvt_winograd3_segment *s, int m)
{
	return s->w < 2 * VL && s->w % VL != 0 && s->x == 0 && s->tiles * m >= s->w;
}

/* Rows y0 .. y0+rows of VL channels from c, [rows][stride] vectors. m: of a tile. */
CVT_INLINE void load_window(const struct cvt_winograd3_segment *s, const float *x, int channels, int c, int y0, int rows, int m, int x0, int columns,
	vf *window, int stride)
{
	ptrdiff_t plane = (ptrdiff_t)s->h * s->w;
	struct ahead next = look_ahead(s, x, channels, c, y0, m, x0, columns);
	int n = channels - c < VL ? channels - c : VL;
	if (together(s, m)) {
		int first = y0 < 0 ? -y0 : 0, end = s->h - y0 < rows ? s->h - y0 : rows;
		for (int r = 0; r < rows; r++) {
			bool inside = r >= first && r < end;
			zero_pixels(window + r * stride, inside ? -x0 : columns);
			zero_pixels(window + r * stride + s->w - x0, inside ? columns - s->w + x0 : 0);
		}
		if (end > first)
			take_rows(x + c * plane + (ptrdiff_t)(y0 + first) * s->w, plane, n, s->w, end - first, (vfu *)(window + first * stride - x0), stride);
		return;
	}
	for (int r = 0; r < rows; r++) {
		int y = y0 + r;
		if (next.y0 + r >= 0 && next.y0 + r < s->h)
			prefetch_row(next.corner + (ptrdiff_t)r * s->w, plane, next.channels, s->w, next.x0, next.columns);
		if (y < 0 || y >= s->h)
			zero_pixels(window + r * stride, columns);
		else
			load_row(x + c * plane + (ptrdiff_t)y * s->w, plane, n, s->w, x0, columns, window + r * stride);
	}
}

enum { TOGETHER = 4 };                      /* tiles whose columns are transformed before their rows: neighbours share two */

CVT_INLINE void input_of(int a, const struct cvt_winograd3_segment *s, const float *x, int channels, float *v, ptrdiff_t plane,
	ptrdiff_t tile, float *scratch)
{
	enum { MOST = 8 * (TOGETHER * 6 + 2) };
	int m = a - 2, columns = s->tiles * m + 2, stride = columns + VL, wide = TOGETHER * m + 2;
	vf *window = (vf *)scratch, half[MOST];
	for (int c = 0; c < channels; c += VL) {
		load_window(s, x, channels, c, s->y - 1, a, m, s->x - 1, columns, window, stride);
		for (int t0 = 0; t0 < s->tiles; t0 += TOGETHER) {
			int n = s->tiles - t0 < TOGETHER ? s->tiles - t0 : TOGETHER;
			for (int i = 0; i < n * m + 2; i++)
				window_transform(a, window + t0 * m + i, stride, half + i, wide);
			for (int t = 0; t < n; t++) {
				float *to = v + (t0 + t) * tile + c;
				for (int r = 0; r < a; r++) {
					vf row[8];
					window_transform(a, half + r * wide + t * m, 1, row, 1);
					CVT_UNROLL
					for (int k = 0; k < a; k++)
						vstore(to + (r * a + k) * plane, row[k]);
				}
			}
		}
	}
}

CVT_INLINE void gradient_of(int a, const struct cvt_winograd3_segment *s, const float *dy, int channels, float *p, ptrdiff_t plane,
	ptrdiff_t tile, float *scratch)
{
	int m = a - 2, columns = s->tiles * m, stride = columns + VL;
	vf *window = (vf *)scratch;
	for (int c = 0; c < channels; c += VL) {
		load_window(s, dy, channels, c, s->y, m, m, s->x, columns, window, stride);
		for (int t = 0; t < s->tiles; t++) {
			float *to = p + t * tile + c;
			vf half[8 * 6];
			CVT_UNROLL
			for (int i = 0; i < m; i++)
				gradient_transform(a, window + t * m + i, stride, half + i, m);
			CVT_UNROLL
			for (int r = 0; r < a; r++) {
				vf row[8];
				gradient_transform(a, half + r * m, 1, row, 1);
				CVT_UNROLL
				for (int k = 0; k < a; k++)
					vstore(to + (r * a + k) * plane, row[k]);
			}
		}
	}
}

/* The constants of finishing, for one vector of channels. */
struct finish { vf bias, scale, shift, pivot; bool relu, scaled, scaled_first; };

CVT_INLINE vf finished(vf v, const struct finish *f)
{
	v += f->bias;
	if (f->scaled_first)
		v = v * f->scale + f->shift;
	if (f->relu)
		v = vrelu(v);
	if (f->scaled && !f->scaled_first)
		v = v * f->scale + f->shift;
	return v;
}

static vf load_constants(const float *p, int o, int channels)
{
	return p ? vload_n(p + o, channels - o < VL ? channels - o : VL) : vzero();
}

/* Rows of y, still in the lanes: float sums in a row, double across rows. */
static void add_sums(const vf *pixels, int stride, int rows, int columns, vf pivot, int channels, double *sums)
{
	double all[2][VL] __attribute__((aligned(64))) = {0};
	for (int r = 0; r < rows; r++, pixels += stride) {
		vf sum = vzero(), squares = vzero();
		for (int i = 0; i < columns; i++) {
			vf d = pixels[i] - pivot;
			sum += d;
			squares += d * d;
		}
		vadd_to_doubles(all[0], sum);
		vadd_to_doubles(all[1], squares);
	}
	for (int c = 0; c < channels; c++) {
		sums[2 * c] += all[0][c];
		sums[2 * c + 1] += all[1][c];
	}
}

/* A row of `columns` pixels from a vector a pixel to `channels` <= VL rows of y. */
CVT_INLINE void store_row(const vf *pixels, int columns, float *y, ptrdiff_t plane, int channels, bool adds, bool stream)
{
	for (int i = 0; i < columns; i += VL, y += VL) {
		vf block[VL];
		CVT_UNROLL
		for (int k = 0; k < VL; k++)
			block[k] = pixels[i + k];
		vstore_maps(block, y, plane, channels, columns - i < VL ? columns - i : VL, adds, stream);
	}
}

/* The largest of each 2 x 2, in place. Tiles begin in even rows and columns. */
CVT_INLINE void pool_rows(vf *pixels, int stride, int rows, int columns)
{
	for (int r = 0; r < rows / 2; r++)
		for (int i = 0; i < columns / 2; i++) {
			const vf *upper = pixels + 2 * r * stride + 2 * i, *lower = upper + stride;
			pixels[r * stride + i] = vmax(vmax(upper[0], upper[1]), vmax(lower[0], lower[1]));
		}
}

CVT_INLINE void output_tile(int a, const float *v, ptrdiff_t plane, const struct finish *f, vf *to, int stride)
{
	int m = a - 2;
	vf half[6 * 8];
	CVT_UNROLL
	for (int x = 0; x < a; x++) {
		vf column[8];
		CVT_UNROLL
		for (int y = 0; y < a; y++)
			column[y] = vload(v + (y * a + x) * plane);
		output_transform(a, column, 1, half + x, a);
	}
	CVT_UNROLL
	for (int y = 0; y < m; y++) {
		vf row[6];
		output_transform(a, half + y * a, 1, row, 1);
		CVT_UNROLL
		for (int x = 0; x < m; x++)
			to[y * stride + x] = finished(row[x], f);
	}
}

CVT_INLINE void output_of(int a, const struct cvt_winograd3_segment *s, const float *v, ptrdiff_t plane, int width, float *y, int channels,
	const struct cvt_finish *finish, float *scratch)
{
	int m = a - 2, stride = s->tiles * m + VL;
	int rows = s->h - s->y < m ? s->h - s->y : m, columns = s->w - s->x < s->tiles * m ? s->w - s->x : s->tiles * m;
	int part = finish->pooled ? 2 : 1, w = s->w / part, x = s->x / part;
	ptrdiff_t map = (ptrdiff_t)(s->h / part) * w;
	vf *pixels = (vf *)scratch;
	bool stream = finish->stream && ((uintptr_t)y | (uintptr_t)w * 4 | (uintptr_t)x * 4) % 64 == 0;
	for (int o = 0; o < channels; o += VL) {
		int n = channels - o < VL ? channels - o : VL;
		/* the places of the next channels: a store that misses the caches holds up all that come after it */
		for (int c = o + VL; !stream && c < channels && c < o + 2 * VL; c++)
			for (int r = 0; r < rows / part; r++)
				CVT_PREFETCH_PLACE(y + c * map + (ptrdiff_t)(s->y / part + r) * w + x, columns / part);
		struct finish f = {.bias = load_constants(finish->bias, o, channels), .scale = load_constants(finish->scale, o, channels),
			.shift = load_constants(finish->shift, o, channels), .pivot = load_constants(finish->pivot, o, channels), .relu = finish->relu,
			.scaled = finish->scale, .scaled_first = finish->scale && !finish->scale_after_relu};
		for (int t = 0; t < s->tiles; t++)
			output_tile(a, v + (ptrdiff_t)t * width + o, plane, &f, pixels + t * m, stride);
		if (finish->sums)
			add_sums(pixels, stride, rows, columns, f.pivot, n, finish->sums + 2 * o);
		if (finish->pooled)
			pool_rows(pixels, stride, rows, columns);
		if (together(s, m))
			give_rows((const vfu *)pixels, stride, n, w, rows / part, y + o * map + (ptrdiff_t)(s->y / part) * w, map, finish->adds);
		else for (int r = 0; r < rows / part; r++)
			store_row(pixels + r * stride, columns / part, y + o * map + (ptrdiff_t)(s->y / part + r) * w + x, map, n, finish->adds, stream);
	}
	if (stream)
		vstream_fence();
}

/* The points 1, 1 of A dy A^T: all outputs of a tile, added. Float over a strip, double across. */
static void bias(const float *p, ptrdiff_t tile, int tiles, int lanes, double *sums)
{
	for (int o = 0; o < lanes; o += VL) {
		vf sum = vzero();
		for (int t = 0; t < tiles; t++)
			sum += vload(p + t * tile + o);
		for (int i = 0; i < VL; i++)
			sums[o + i] += (double)sum[i];
	}
}

#define TILE(m, a) \
	static void input##m(const struct cvt_winograd3_segment *s, const float *x, int channels, float *v, ptrdiff_t plane, ptrdiff_t tile, \
		float *scratch) \
	{ \
		input_of(a, s, x, channels, v, plane, tile, scratch); \
	} \
	static void gradient##m(const struct cvt_winograd3_segment *s, const float *dy, int channels, float *p, ptrdiff_t plane, ptrdiff_t tile, \
		float *scratch) \
	{ \
		gradient_of(a, s, dy, channels, p, plane, tile, scratch); \
	} \
	static void output##m(const struct cvt_winograd3_segment *s, const float *v, ptrdiff_t plane, int width, float *y, int channels, \
		const struct cvt_finish *finish, float *scratch) \
	{ \
		output_of(a, s, v, plane, width, y, channels, finish, scratch); \
	}
TILE(6, 8)
TILE(4, 6)
TILE(2, 4)
#undef TILE

void CVT_KERNEL_INIT(winograd3)(struct cvt_winograd3_kernels *k)
{
	k->tile6 = (struct cvt_winograd3_tile){.m = 6, .input = input6, .gradient = gradient6, .output = output6};
	k->tile4 = (struct cvt_winograd3_tile){.m = 4, .input = input4, .gradient = gradient4, .output = output4};
	k->tile2 = (struct cvt_winograd3_tile){.m = 2, .input = input2, .gradient = gradient2, .output = output2};
	k->bias = bias;
	CVT_KERNEL_NAME(cvt_winograd3_weights)(k);
}
