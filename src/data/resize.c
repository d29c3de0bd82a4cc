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

#include "data/image.h"

enum { PRECISION_BITS = 32 - 8 - 2 };

struct filter {
	int taps;            /* most coefficients that any output has */
	int *first, *n;      /* per output: the first input, and how many */
	int32_t *weights;    /* [out][taps] */
};

static void filter_finish(struct filter *filter)
{
	free(filter->first);
	free(filter->n);
	free(filter->weights);
	*filter = (struct filter){0};
}

static int filter_init(struct filter *filter, int in, int out)
{
	const double scale = (double)in / out, wide = scale < 1.0 ? 1.0 : scale;   /* wide: also the filter's support */
	const int taps = (int)ceil(wide) * 2 + 1;
	*filter = (struct filter){.taps = taps, .first = calloc((size_t)out, sizeof(int)), .n = calloc((size_t)out, sizeof(int)),
		.weights = calloc((size_t)out * taps, sizeof(int32_t))};
	double *row = malloc((size_t)taps * sizeof(double));
	if (!filter->first || !filter->n || !filter->weights || !row) {
		free(row);
		filter_finish(filter);
		return CVT_ERR_MEMORY;
	}
	for (int o = 0; o < out; o++) {
		const double center = (o + 0.5) * scale;
		int low = (int)(center - wide + 0.5), high = (int)(center + wide + 0.5);
		low = low < 0 ? 0 : low;
		high = high > in ? in : high;
		double sum = 0.0;
		for (int i = low; i < high; i++) {
			const double away = fabs((i - center + 0.5) * (1.0 / wide));
			row[i - low] = away < 1.0 ? 1.0 - away : 0.0;
			sum += row[i - low];
		}
		for (int i = 0; i < high - low; i++) {
			const double weight = sum != 0.0 ? row[i] / sum : row[i];
			filter->weights[(size_t)o * taps + i] = (int32_t)(0.5 + weight * (1 << PRECISION_BITS));
		}
		filter->first[o] = low;
		filter->n[o] = high - low;
	}
	free(row);
	return CVT_OK;
}

static unsigned char to_byte(int32_t sum)
{
	const int32_t value = sum >> PRECISION_BITS;
	return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row of interleaved pixels into one row of each plane. filter NULL: the width stays. */
static void row_to_planes(const unsigned char *in, int width, int channels, const struct filter *filter, unsigned char *out,
	size_t plane)
{
	if (!filter) {
		for (int c = 0; c < channels; c++)
			for (int x = 0; x < width; x++)
				out[c * plane + x] = in[x * channels + c];
		return;
	}
	for (int x = 0; x < width; x++) {
		const int32_t *weights = filter->weights + (size_t)x * filter->taps;
		const unsigned char *from = in + (size_t)filter->first[x] * channels;
		const int n = filter->n[x];
		if (channels == 3) {
			int32_t r = 1 << (PRECISION_BITS - 1), g = r, b = r;
			for (int i = 0; i < n; i++) {
				r += from[3 * i] * weights[i];
				g += from[3 * i + 1] * weights[i];
				b += from[3 * i + 2] * weights[i];
			}
			out[x] = to_byte(r);
			out[plane + x] = to_byte(g);
			out[2 * plane + x] = to_byte(b);
		} else {
			int32_t sum = 1 << (PRECISION_BITS - 1);
			for (int i = 0; i < n; i++)
				sum += from[i] * weights[i];
			out[x] = to_byte(sum);
		}
	}
}

/* [height_in, width] -> [out, width], along the columns. sums: width numbers of scratch. */
static void columns(const unsigned char *in, int width, const struct filter *filter, int out_height, int32_t *sums, unsigned char *out)
{
	for (int y = 0; y < out_height; y++) {
		const int32_t *weights = filter->weights + (size_t)y * filter->taps;
		for (int x = 0; x < width; x++)
			sums[x] = 1 << (PRECISION_BITS - 1);
		for (int i = 0; i < filter->n[y]; i++) {
			const unsigned char *row = in + (size_t)(filter->first[y] + i) * width;
			const int32_t weight = weights[i];
			for (int x = 0; x < width; x++)
				sums[x] += row[x] * weight;
		}
		for (int x = 0; x < width; x++)
			out[(size_t)y * width + x] = to_byte(sums[x]);
	}
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
	int32_t *sums;
};

static int resize(const struct cvt_image *image, int width, int height, int channels, const struct filter *across,
	const struct filter *down, bool columns_first, struct work *work, unsigned char *pixels)
{
	const unsigned char *from = image->pixels;
	int rows = image->height;
	const size_t in_row = (size_t)image->width * channels;
	work->sums = malloc((in_row > (size_t)width ? in_row : (size_t)width) * sizeof(int32_t));
	if (!work->sums)
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
		columns(from, (int)in_row, down, height, work->sums, work->lowered);
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
		row_to_planes(from + y * in_row, width, channels, across, planes + (size_t)y * width, plane);
	for (int c = 0; down && c < channels; c++)
		columns(planes + c * plane, width, down, height, work->sums, pixels + (size_t)c * width * height);
	return CVT_OK;
}

int cvt_image_resize(const struct cvt_image *image, int width, int height, int channels, unsigned char *pixels, struct cvt_error *err)
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
		status = resize(image, width, height, channels, need_across ? &across : NULL, need_down ? &down : NULL, columns_first, &work,
			pixels);
	if (status)
		status = cvt_fail(err, status, "no memory to resize a picture of %d x %d", image->width, image->height);
	free(work.grey);
	free(work.lowered);
	free(work.planes);
	free(work.sums);
	filter_finish(&across);
	filter_finish(&down);
	return status;
}
