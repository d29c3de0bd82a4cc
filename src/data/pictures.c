/* pictures.c - see pictures.h. Each picture: a ground, clutter, the thing, what hides it, light, noise. What tells the classes apart is
 * the outline alone: colours, sizes, grounds and clutter are drawn alike for all three. */
#include "data/pictures.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "data/draw.h"

enum { MOTORBIKE, AIRPLANE, SCHOONER };
const char *const cvt_pictures_classes[CVT_PICTURES_CLASSES] = {"Motorbikes", "airplanes", "schooner"};
static const int counts[CVT_PICTURES_CLASSES] = {960, 960, 120};

static const struct cvt_pose whole = {1, 0, 0, 1, 0, 0, 1};   /* the picture's own coordinates */

int cvt_pictures_count(int class_index)
{
	return counts[class_index];
}

static struct cvt_colour any_colour(struct cvt_stream *s)
{
	const float grey = cvt_stream_uniform(s, 0.05f, 0.95f), r = cvt_stream_uniform(s, -0.25f, 0.25f),
		g = cvt_stream_uniform(s, -0.25f, 0.25f), b = cvt_stream_uniform(s, -0.25f, 0.25f);
	return (struct cvt_colour){{grey + r, grey + g, grey + b}};
}

static float brightness(struct cvt_colour c)
{
	return (c.rgb[0] + c.rgb[1] + c.rgb[2]) / 3;
}

/* A colour whose brightness is at least `gap` away from the ground's, on either side. */
static struct cvt_colour against(struct cvt_stream *s, float ground, float gap)
{
	struct cvt_colour colour = any_colour(s);
	for (int i = 0; i < 20 && fabsf(brightness(colour) - ground) < gap; i++)
		colour = any_colour(s);
	return colour;
}

/* Smooth noise: random heights on a lattice of n x n cells, joined smoothly. */
static void add_noise(struct cvt_canvas *canvas, struct cvt_stream *s, int n, float strength)
{
	float heights[33 * 33], tint[3];
	n = n > 32 ? 32 : n;
	for (int i = 0; i < (n + 1) * (n + 1); i++)
		heights[i] = cvt_stream_uniform(s, -strength, strength);
	for (int c = 0; c < 3; c++)
		tint[c] = cvt_stream_uniform(s, 0.6f, 1.2f);
	const int size = canvas->size;
	for (int y = 0; y < size; y++) {
		const float v = (y + 0.5f) / size * n, fv = v - floorf(v), sv = fv * fv * (3 - 2 * fv);
		for (int x = 0; x < size; x++) {
			const float u = (x + 0.5f) / size * n, fu = u - floorf(u), su = fu * fu * (3 - 2 * fu);
			const float *at = heights + (int)v * (n + 1) + (int)u;
			const float top = at[0] + (at[1] - at[0]) * su, bottom = at[n + 1] + (at[n + 2] - at[n + 1]) * su;
			const float height = top + (bottom - top) * sv;
			for (int c = 0; c < 3; c++)
				canvas->rgb[((long)y * size + x) * 3 + c] += height * tint[c];
		}
	}
}

/* A gradient between two colours in any direction, clouds of four sizes, sometimes stripes. Returns its mean brightness. */
static float draw_ground(struct cvt_canvas *canvas, struct cvt_stream *s)
{
	const struct cvt_colour a = any_colour(s);
	struct cvt_colour b = any_colour(s);
	const float angle = cvt_stream_uniform(s, 0, 6.2832f), dx = cosf(angle), dy = sinf(angle);
	for (int c = 0; c < 3; c++)
		b.rgb[c] = 0.5f * (a.rgb[c] + b.rgb[c]);
	const int size = canvas->size;
	for (int y = 0; y < size; y++)
		for (int x = 0; x < size; x++) {
			float t = 0.5f + ((x + 0.5f) / size - 0.5f) * dx + ((y + 0.5f) / size - 0.5f) * dy;
			t = t < 0 ? 0 : t > 1 ? 1 : t;
			for (int c = 0; c < 3; c++)
				canvas->rgb[((long)y * size + x) * 3 + c] = a.rgb[c] + (b.rgb[c] - a.rgb[c]) * t;
		}
	for (int n = 2; n <= 16; n *= 2)
		add_noise(canvas, s, n + cvt_stream_below(s, n), cvt_stream_uniform(s, 0.02f, 0.12f));
	if (cvt_stream_below(s, 3) == 0) {
		const float step = cvt_stream_uniform(s, 0.06f, 0.2f), tilt = cvt_stream_uniform(s, -1, 1);
		const struct cvt_colour stripe = any_colour(s);
		for (float at = -1; at < 2; at += step)
			cvt_draw_line(canvas, &whole, at, -0.1f, at + tilt, 1.1f, step * 0.3f, stripe, 0.25f);
	}
	return 0.5f * (brightness(a) + brightness(b));
}

/* Discs, rings, bars and triangles anywhere, the same for all classes. */
static void draw_clutter(struct cvt_canvas *canvas, struct cvt_stream *s, int n, float largest)
{
	for (int i = 0; i < n; i++) {
		const float angle = cvt_stream_uniform(s, 0, 6.2832f), size = cvt_stream_uniform(s, 0.02f, largest);
		const float c = cosf(angle) * size, d = sinf(angle) * size;
		const struct cvt_pose pose = {c, -d, d, c, cvt_stream_uniform(s, 0, 1), cvt_stream_uniform(s, 0, 1), size};
		const struct cvt_colour colour = any_colour(s);
		const float alpha = cvt_stream_uniform(s, 0.3f, 0.9f);
		const struct cvt_point triangle[3] = {{-1, cvt_stream_uniform(s, -1, 1)}, {1, -0.6f}, {cvt_stream_uniform(s, -1, 1), 1}};
		switch (cvt_stream_below(s, 4)) {
		case 0:
			cvt_draw_ellipse(canvas, &pose, 0, 0, 1, cvt_stream_uniform(s, 0.3f, 1), 0, colour, alpha);
			break;
		case 1:
			cvt_draw_ellipse(canvas, &pose, 0, 0, 1, cvt_stream_uniform(s, 0.6f, 1), 0.3f, colour, alpha);
			break;
		case 2:
			cvt_draw_line(canvas, &pose, -1.5f, 0, 1.5f, 0, cvt_stream_uniform(s, 0.1f, 0.5f), colour, alpha);
			break;
		default:
			cvt_draw_polygon(canvas, &pose, triangle, 3, colour, alpha);
		}
	}
}

/* Two wheels, a frame between them, tank and seat, fork and handlebar, exhaust. */
static void draw_motorbike(struct cvt_canvas *canvas, struct cvt_stream *s, const struct cvt_pose *pose, const struct cvt_colour paint[2])
{
	const float wheel = cvt_stream_uniform(s, 0.27f, 0.36f), base = cvt_stream_uniform(s, 0.56f, 0.68f), low = 0.3f;
	const float rim = cvt_stream_uniform(s, 0.07f, 0.13f);
	for (int side = -1; side <= 1; side += 2) {
		cvt_draw_ellipse(canvas, pose, side * base, low, wheel, wheel, rim, paint[0], 1);
		cvt_draw_ellipse(canvas, pose, side * base, low, wheel * 0.25f, wheel * 0.25f, 0, paint[0], 1);
	}
	const struct cvt_point body[6] = {{-0.3f, 0.38f}, {0.28f, 0.4f}, {0.36f, 0.02f}, {0.3f, -0.2f}, {-0.05f, -0.12f}, {-0.35f, 0.05f}};
	const struct cvt_point seat[4] = {{-0.75f, -0.16f}, {-0.05f, -0.06f}, {-0.1f, 0.08f}, {-0.6f, 0.02f}};
	cvt_draw_polygon(canvas, pose, body, 6, paint[1], 1);
	cvt_draw_polygon(canvas, pose, seat, 4, paint[0], 1);
	cvt_draw_line(canvas, pose, base, low, 0.34f, -0.35f, 0.09f, paint[0], 1);
	cvt_draw_line(canvas, pose, 0.34f, -0.35f, 0.2f, -0.45f, 0.07f, paint[0], 1);
	cvt_draw_line(canvas, pose, -base, low, 0.0f, 0.25f, 0.09f, paint[0], 1);
	cvt_draw_ellipse(canvas, pose, 0.42f, -0.22f, 0.1f, 0.1f, 0, paint[1], 1);
}

/* A fuselage with a nose, two wings, a fin and a tailplane. */
static void draw_airplane(struct cvt_canvas *canvas, struct cvt_stream *s, const struct cvt_pose *pose, const struct cvt_colour paint[2])
{
	const float thick = cvt_stream_uniform(s, 0.1f, 0.15f), sweep = cvt_stream_uniform(s, 0.2f, 0.5f);
	const float near = cvt_stream_uniform(s, 0.35f, 0.65f), far = cvt_stream_uniform(s, 0.15f, 0.45f);
	const struct cvt_point far_wing[4] = {{0.2f, 0}, {-0.15f, 0}, {-0.1f - sweep, -far}, {0.03f - sweep, -far}};
	const struct cvt_point near_wing[4] = {{0.25f, 0}, {-0.2f, 0.03f}, {-0.15f - sweep, near}, {0.02f - sweep, near}};
	const struct cvt_point fin[4] = {{-0.65f, -0.02f}, {-0.95f, -0.02f}, {-1.08f, -0.4f}, {-0.92f, -0.4f}};
	const struct cvt_point tail[4] = {{-0.7f, 0}, {-0.92f, 0}, {-1.05f, 0.17f}, {-0.95f, 0.17f}};
	cvt_draw_polygon(canvas, pose, far_wing, 4, paint[1], 1);
	cvt_draw_ellipse(canvas, pose, 0, 0, 1, thick, 0, paint[0], 1);
	cvt_draw_polygon(canvas, pose, fin, 4, paint[0], 1);
	cvt_draw_polygon(canvas, pose, tail, 4, paint[1], 1);
	cvt_draw_polygon(canvas, pose, near_wing, 4, paint[1], 1);
	cvt_draw_ellipse(canvas, pose, -sweep * 0.2f + 0.1f, near * 0.4f, 0.13f, 0.06f, 0, paint[0], 1);
}

/* A hull, two masts, gaff sails, jibs, a bowsprit. */
static void draw_schooner(struct cvt_canvas *canvas, struct cvt_stream *s, const struct cvt_pose *pose, const struct cvt_colour paint[2])
{
	const float high = cvt_stream_uniform(s, 0.75f, 1), deep = cvt_stream_uniform(s, 0.65f, 0.75f);
	const struct cvt_point hull[4] = {{-0.8f, 0.42f}, {0.85f, 0.38f}, {0.6f, deep}, {-0.65f, deep}};
	const struct cvt_point main_sail[4] = {{-0.12f, 0.32f}, {-0.72f, 0.32f}, {-0.5f, -high * 0.6f}, {-0.12f, -high * 0.85f}};
	const struct cvt_point fore_sail[4] = {{0.34f, 0.3f}, {-0.04f, 0.3f}, {0.06f, -high * 0.55f}, {0.34f, -high * 0.75f}};
	const struct cvt_point jib[3] = {{1.05f, 0.28f}, {0.42f, 0.28f}, {0.38f, -high * 0.7f}};
	cvt_draw_polygon(canvas, pose, hull, 4, paint[0], 1);
	cvt_draw_polygon(canvas, pose, main_sail, 4, paint[1], 1);
	cvt_draw_polygon(canvas, pose, fore_sail, 4, paint[1], 1);
	cvt_draw_polygon(canvas, pose, jib, 3, paint[1], 1);
	cvt_draw_line(canvas, pose, -0.1f, 0.5f, -0.1f, -high, 0.05f, paint[0], 1);
	cvt_draw_line(canvas, pose, 0.36f, 0.5f, 0.36f, -high * 0.9f, 0.05f, paint[0], 1);
	cvt_draw_line(canvas, pose, 0.7f, 0.42f, 1.15f, 0.26f, 0.05f, paint[0], 1);
}

static struct cvt_pose random_pose(struct cvt_stream *s, float smallest, float largest)
{
	const float scale = cvt_stream_uniform(s, smallest, largest), angle = cvt_stream_uniform(s, -0.15f, 0.15f);
	const float flip = cvt_stream_below(s, 2) ? 1 : -1, squeeze = cvt_stream_uniform(s, 0.8f, 1.05f);
	const float c = cosf(angle) * scale, d = sinf(angle) * scale, room = 0.5f - scale * 0.85f;
	return (struct cvt_pose){c * flip * squeeze, -d, d * flip * squeeze, c, 0.5f + cvt_stream_uniform(s, -1, 1) * (room > 0.04f ? room : 0.04f),
		0.5f + cvt_stream_uniform(s, -1, 1) * (room > 0.04f ? room : 0.04f), scale};
}

static void finish(const struct cvt_canvas *canvas, struct cvt_stream *s, int channels, unsigned char *pixels)
{
	const float gain = cvt_stream_uniform(s, 0.7f, 1.15f), lift = cvt_stream_uniform(s, -0.1f, 0.1f), noise = cvt_stream_uniform(s, 0.02f, 0.1f);
	const long plane = (long)canvas->size * canvas->size;
	for (long i = 0; i < plane; i++) {
		const uint32_t random = cvt_stream_u32(s);
		float value[3];
		for (int c = 0; c < 3; c++) {
			/* Two bytes' worth of noise, triangular; the channels share one of them, as a sensor's do after demosaicing. */
			const float grain = ((random >> 24) + (random >> (8 * c) & 255)) / 255.0f - 1;
			const float lit = canvas->rgb[i * 3 + c] * gain + lift + grain * noise;
			value[c] = (lit < 0 ? 0 : lit > 1 ? 1 : lit) * 255 + 0.5f;
		}
		for (int c = 0; c < channels && channels == 3; c++)
			pixels[c * plane + i] = (unsigned char)value[c];
		if (channels == 1)
			pixels[i] = (unsigned char)(0.299f * value[0] + 0.587f * value[1] + 0.114f * value[2]);
	}
}

int cvt_pictures_draw(int class_index, int index, int size, int channels, unsigned char *pixels, struct cvt_error *err)
{
	struct cvt_stream s = {.key = (uint64_t)CVT_PICTURES_VERSION << 32 | (uint32_t)index, .major = (uint32_t)class_index};
	struct cvt_canvas canvas = {size, malloc((size_t)size * size * 3 * sizeof(float))};
	if (!canvas.rgb)
		return cvt_fail(err, CVT_ERR_MEMORY, "no memory to draw a picture of %d x %d", size, size);
	const float ground = draw_ground(&canvas, &s);
	draw_clutter(&canvas, &s, 2 + cvt_stream_below(&s, 6), 0.12f);
	const struct cvt_colour paint[2] = {against(&s, ground, 0.25f), against(&s, ground, 0.25f)};
	const struct cvt_pose pose = random_pose(&s, 0.34f, 0.44f);
	if (class_index == MOTORBIKE)
		draw_motorbike(&canvas, &s, &pose, paint);
	else if (class_index == AIRPLANE)
		draw_airplane(&canvas, &s, &pose, paint);
	else
		draw_schooner(&canvas, &s, &pose, paint);
	draw_clutter(&canvas, &s, cvt_stream_below(&s, 4), 0.12f);
	finish(&canvas, &s, channels, pixels);
	free(canvas.rgb);
	return CVT_OK;
}
