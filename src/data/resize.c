/* resize.c - Pillow's bilinear resize, to the bit.
 *
 * A triangle filter, as wide as the scale when it shrinks, in two passes with coefficients of 22 bits and rounding to a byte after each.
 * A pass that would not change the size is left out. Rows come first, except, as in Pillow 13, where the height shrinks by far more
 * than the width; earlier Pillows always take rows first, which changes a byte by one at most here and there. The picture becomes
 * planar in the pass along the rows, and the pass along the columns runs over whole rows, so that it vectorises. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "data/image.h"

enum { PRECISION_BITS = 32 - 8 - 2, HALF = 1 << (PRECISION_BITS - 1) };

struct filter {
	int taps;            /* coefficients of each output, as many as any needs: the others' are filled up with zeros */
	int *first;          /* per output: the first input */
	int32_t *weights;    /* [out][taps] */
};

static void filter_finish(struct filter *filter)
{
	free(filter->first);
	free(filter->weights);
	*filter = (struct filter){0};
}

/* The inputs low .. high - 1 of an output, whose centre among the inputs is *ret_center; wide: how far the triangle reaches to each side. */
static void span_of(int in, double scale, double wide, int out, double *ret_center, int *ret_low, int *ret_high)
{
	const double center = (out + 0.5) * scale;
	const int low = (int)(center - wide + 0.5), high = (int)(center + wide + 0.5);
	*ret_center = center;
	*ret_low = low < 0 ? 0 : low;
	*ret_high = high > in ? in : high;
}

static int filter_init(struct filter *filter, int in, int out)
{
	const double scale = (double)in / out, wide = scale < 1.0 ? 1.0 : scale;
	double center;
	int low, high, taps = 0;
	for (int o = 0; o < out; o++) {
		span_of(in, scale, wide, o, &center, &low, &high);
		taps = high - low > taps ? high - low : taps;
	}
	*filter = (struct filter){.taps = taps, .first = calloc((size_t)out, sizeof(int)), .weights = calloc((size_t)out * taps, sizeof(int32_t))};
	double *row = malloc((size_t)taps * sizeof(double));
	if (!filter->first || !filter->weights || !row) {
		free(row);
		filter_finish(filter);
		return CVT_ERR_MEMORY;
	}
	for (int o = 0; o < out; o++) {
		double sum = 0.0;
		span_of(in, scale, wide, o, &center, &low, &high);
		for (int i = low; i < high; i++) {
			const double away = fabs((i - center + 0.5) * (1.0 / wide));
			row[i - low] = away < 1.0 ? 1.0 - away : 0.0;
			sum += row[i - low];
		}
		const int first = low + taps > in ? in - taps : low;
		for (int i = 0; i < high - low; i++) {
			const double weight = sum != 0.0 ? row[i] / sum : row[i];
			filter->weights[(size_t)o * taps + (low - first) + i] = (int32_t)(0.5 + weight * (1 << PRECISION_BITS));
		}
		filter->first[o] = first;
	}
	free(row);
	return CVT_OK;
}

/* No sum is negative; the rounding of very many weights could make one a little more than 255. */
static inline unsigned char to_byte(int32_t sum)
{
	const int32_t value = sum >> PRECISION_BITS;
	return (unsigned char)(value > 255 ? 255 : value);
}

/* One row of interleaved pixels into one row of each plane. */
static void row_plain(const unsigned char *in, int width, int channels, const struct filter *filter, unsigned char *out, size_t plane)
{
	const int32_t *weights = filter->weights;
	for (int x = 0; x < width; x++, weights += filter->taps) {
		const unsigned char *from = in + (size_t)filter->first[x] * channels;
		int32_t sum[3] = {HALF, HALF, HALF};
		for (int i = 0; i < filter->taps; i++, from += channels)
			for (int c = 0; c < channels; c++)
				sum[c] += from[c] * weights[i];
		for (int c = 0; c < channels; c++)
			out[c * plane + x] = to_byte(sum[c]);
	}
}

/* One row of `width` bytes from `taps` of them. sums: width numbers of scratch. */
static inline __attribute__((always_inline)) void filter_column(const unsigned char *in, int width, const int32_t *weights, int taps, int32_t *sums,
	unsigned char *out)
{
	for (int x = 0; x < width; x++)
		sums[x] = HALF;
	for (int i = 0; i < taps; i++, in += width) {
		const int32_t weight = weights[i];
		for (int x = 0; weight && x < width; x++)
			sums[x] += in[x] * weight;
	}
	for (int x = 0; x < width; x++)
		out[x] = to_byte(sums[x]);
}

static void column_plain(const unsigned char *in, int width, const int32_t *weights, int taps, int32_t *sums, unsigned char *out)
{
	filter_column(in, width, weights, taps, sums, out);
}

#if defined(__x86_64__)
/* The same sums with AVX2, which multiplies integers of 32 bits. A pixel's three channels are lanes, and a byte behind it is read. */
__attribute__((target("avx2")))
static void row_avx2(const unsigned char *in, int width, int channels, const struct filter *filter, unsigned char *out, size_t plane)
{
	const int32_t *weights = filter->weights;
	if (channels != 3) {
		row_plain(in, width, channels, filter, out, plane);
		return;
	}
	for (int x = 0; x < width; x++, weights += filter->taps) {
		const unsigned char *from = in + (size_t)filter->first[x] * 3;
		__m128i sum = _mm_set1_epi32(HALF);
		for (int i = 0; i < filter->taps; i++, from += 3) {
			int32_t pixel;
			memcpy(&pixel, from, sizeof pixel);
			sum = _mm_add_epi32(sum, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(pixel)), _mm_set1_epi32(weights[i])));
		}
		sum = _mm_min_epi32(_mm_srli_epi32(sum, PRECISION_BITS), _mm_set1_epi32(255));
		out[x] = (unsigned char)_mm_extract_epi8(sum, 0);
		out[plane + x] = (unsigned char)_mm_extract_epi8(sum, 4);
		out[2 * plane + x] = (unsigned char)_mm_extract_epi8(sum, 8);
	}
}

__attribute__((target("avx2")))
static void column_avx2(const unsigned char *in, int width, const int32_t *weights, int taps, int32_t *sums, unsigned char *out)
{
	filter_column(in, width, weights, taps, sums, out);
}
#endif

struct passes {
	void (*row)(const unsigned char *in, int width, int channels, const struct filter *filter, unsigned char *out, size_t plane);
	void (*column)(const unsigned char *in, int width, const int32_t *weights, int taps, int32_t *sums, unsigned char *out);
};

/* filter NULL: the width stays. padded: scratch, a row and a byte. */
static void row_to_planes(const unsigned char *in, size_t in_row, int width, int channels, const struct filter *filter, const struct passes *passes,
	unsigned char *padded, unsigned char *out, size_t plane)
{
	if (!filter) {
		for (int c = 0; c < channels; c++)
			for (int x = 0; x < width; x++)
				out[c * plane + x] = in[x * channels + c];
		return;
	}
	memcpy(padded, in, in_row);
	passes->row(padded, width, channels, filter, out, plane);
}

/* [height_in, width] -> [out, width], along the columns. sums: width numbers of scratch. */
static void columns(const unsigned char *in, int width, const struct filter *filter, int out_height, const struct passes *passes, int32_t *sums,
	unsigned char *out)
{
	for (int y = 0; y < out_height; y++)
		passes->column(in + (size_t)filter->first[y] * width, width, filter->weights + (size_t)y * filter->taps, filter->taps, sums, out + (size_t)y * width);
}

/* Pillow's convert('L'): ITU-R 601-2 luma in 16 bits. */
static void to_grey(const unsigned char *rgb, size_t n, unsigned char *grey)
{
	for (size_t i = 0; i < n; i++)
		grey[i] = (unsigned char)((rgb[3 * i] * 19595u + rgb[3 * i + 1] * 38470u + rgb[3 * i + 2] * 7471u + 0x8000u) >> 16);
}

/* The buffers of one resize; those not needed stay NULL. */
struct work {
	unsigned char *grey;     /* [in height, in width] */
	unsigned char *lowered;  /* columns first: [height, in width * channels] */
	unsigned char *planes;   /* rows first: [channels, in height, width] */
	unsigned char *padded;   /* a row of what is filtered along rows, and a byte */
	int32_t *sums;
};

static int resize(const struct cvt_image *image, int width, int height, int channels, const struct filter *across,
	const struct filter *down, bool columns_first, const struct passes *passes, struct work *work, unsigned char *pixels)
{
	const unsigned char *from = image->pixels;
	int rows = image->height;
	const size_t in_row = (size_t)image->width * channels;
	work->sums = malloc((in_row > (size_t)width ? in_row : (size_t)width) * sizeof(int32_t));
	work->padded = across ? calloc(in_row + 1, 1) : NULL;
	if (!work->sums || (across && !work->padded))
		return CVT_ERR_MEMORY;
	if (channels == 1 && image->channels == 3) {
		work->grey = malloc((size_t)image->width * rows);
		if (!work->grey)
			return CVT_ERR_MEMORY;
		to_grey(from, (size_t)image->width * rows, work->grey);
		from = work->grey;
	}
	if (columns_first) {
		work->lowered = malloc(in_row * height);
		if (!work->lowered)
			return CVT_ERR_MEMORY;
		columns(from, (int)in_row, down, height, passes, work->sums, work->lowered);
		from = work->lowered;
		rows = height;
		down = NULL;
	}
	const size_t plane = (size_t)width * rows;
	work->planes = down ? malloc(plane * channels) : NULL;
	if (down && !work->planes)
		return CVT_ERR_MEMORY;
	unsigned char *planes = down ? work->planes : pixels;
	for (int y = 0; y < rows; y++)
		row_to_planes(from + y * in_row, in_row, width, channels, across, passes, work->padded, planes + (size_t)y * width, plane);
	for (int c = 0; down && c < channels; c++)
		columns(planes + c * plane, width, down, height, passes, work->sums, pixels + (size_t)c * width * height);
	return CVT_OK;
}

static int resize_by(const struct passes *passes, const struct cvt_image *image, int width, int height, int channels, unsigned char *pixels,
	struct cvt_error *err)
{
	struct filter across = {0}, down = {0};
	if (width < 1 || height < 1 || width > 65535 || height > 65535 || (channels != 1 && channels != 3) ||
		(image->channels != 3 && image->channels != channels))
		return cvt_fail(err, CVT_ERR_RANGE, "cannot resize to %d x %d with %d channels", width, height, channels);
	const bool need_across = width != image->width, need_down = height != image->height;
	int status = need_across ? filter_init(&across, image->width, width) : CVT_OK;
	if (!status && need_down)
		status = filter_init(&down, image->height, height);
	/* As Pillow 13: columns first where the height loses more than twice what the width does. */
	const bool columns_first = need_across && height < image->height && image->height - height > 2 * (image->width - width);
	struct work work = {0};
	if (!status)
		status = resize(image, width, height, channels, need_across ? &across : NULL, need_down ? &down : NULL, columns_first, passes,
			&work, pixels);
	if (status)
		status = cvt_fail(err, status, "no memory to resize a picture of %d x %d", image->width, image->height);
	free(work.grey);
	free(work.lowered);
	free(work.planes);
	free(work.padded);
	free(work.sums);
	filter_finish(&across);
	filter_finish(&down);
	return status;
}

int cvt_image_resize(const struct cvt_image *image, int width, int height, int channels, unsigned char *pixels, struct cvt_error *err)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2"))
		return resize_by(&(struct passes){row_avx2, column_avx2}, image, width, height, channels, pixels, err);
#endif
	return cvt_image_resize_plain(image, width, height, channels, pixels, err);
}

int cvt_image_resize_plain(const struct cvt_image *image, int width, int height, int channels, unsigned char *pixels, struct cvt_error *err)
{
	return resize_by(&(struct passes){row_plain, column_plain}, image, width, height, channels, pixels, err);
}
