/* draw.c - see draw.h. A shape is a distance to its edge, in pixels: coverage is 1/2 minus that, kept between 0 and 1. */
#include "data/draw.h"

#include <math.h>
#include <stdbool.h>

#include "base/random.h"

enum { MAX_CORNERS = 12 };

uint32_t cvt_stream_u32(struct cvt_stream *stream)
{
	if (stream->left == 0) {
		cvt_random_block(stream->key, CVT_RANDOM_PICTURE, stream->major, stream->block++, stream->numbers);
		stream->left = 4;
	}
	return stream->numbers[--stream->left];
}

float cvt_stream_uniform(struct cvt_stream *stream, float low, float high)
{
	return low + (high - low) * ((float)(cvt_stream_u32(stream) >> 8) * 0x1p-24f);
}

int cvt_stream_below(struct cvt_stream *stream, int n)
{
	return (int)((uint64_t)cvt_stream_u32(stream) * (uint64_t)n >> 32);
}

struct cvt_point cvt_pose_apply(const struct cvt_pose *pose, float x, float y)
{
	return (struct cvt_point){pose->x + pose->xx * x + pose->xy * y, pose->y + pose->yx * x + pose->yy * y};
}

static void blend(float *pixel, const struct cvt_colour *colour, float alpha)
{
	for (int c = 0; c < 3; c++)
		pixel[c] += (colour->rgb[c] - pixel[c]) * alpha;
}

static float coverage(float distance)
{
	const float inside = 0.5f - distance;
	return inside < 0 ? 0 : inside > 1 ? 1 : inside;
}

/* The pixels that a shape between low and high (picture units) may touch: [x0, x1) x [y0, y1). */
struct box { int x0, y0, x1, y1; };

static int clamp_pixel(float value, int size)
{
	return value < 0 ? 0 : value > size ? size : (int)value;
}

static struct box box_of(int size, float low_x, float low_y, float high_x, float high_y)
{
	return (struct box){clamp_pixel(low_x * size - 1, size), clamp_pixel(low_y * size - 1, size), clamp_pixel(high_x * size + 2, size),
		clamp_pixel(high_y * size + 2, size)};
}

/* Squared distance of p to the line from a to b, in pixels. */
static float line_distance2(struct cvt_point p, struct cvt_point a, struct cvt_point b)
{
	const float dx = b.x - a.x, dy = b.y - a.y, px = p.x - a.x, py = p.y - a.y, length2 = dx * dx + dy * dy;
	float along = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
	along = along < 0 ? 0 : along > 1 ? 1 : along;
	const float ex = px - along * dx, ey = py - along * dy;
	return ex * ex + ey * ey;
}

void cvt_draw_line(struct cvt_canvas *canvas, const struct cvt_pose *pose, float x0, float y0, float x1, float y1, float width,
	struct cvt_colour colour, float alpha)
{
	const int size = canvas->size;
	struct cvt_point a = cvt_pose_apply(pose, x0, y0), b = cvt_pose_apply(pose, x1, y1);
	const float half = 0.5f * width * pose->scale;
	const struct box box = box_of(size, fminf(a.x, b.x) - half, fminf(a.y, b.y) - half, fmaxf(a.x, b.x) + half, fmaxf(a.y, b.y) + half);
	a = (struct cvt_point){a.x * size, a.y * size};
	b = (struct cvt_point){b.x * size, b.y * size};
	for (int y = box.y0; y < box.y1; y++)
		for (int x = box.x0; x < box.x1; x++) {
			const float distance = sqrtf(line_distance2((struct cvt_point){x + 0.5f, y + 0.5f}, a, b)) - half * size;
			if (distance < 0.5f)
				blend(canvas->rgb + ((long)y * size + x) * 3, &colour, alpha * coverage(distance));
		}
}

void cvt_draw_ellipse(struct cvt_canvas *canvas, const struct cvt_pose *pose, float x, float y, float rx, float ry, float thickness,
	struct cvt_colour colour, float alpha)
{
	const int size = canvas->size;
	const struct cvt_point centre = cvt_pose_apply(pose, x, y);
	const float reach = pose->scale * (fmaxf(rx, ry) + thickness) * 1.2f;
	const struct box box = box_of(size, centre.x - reach, centre.y - reach, centre.x + reach, centre.y + reach);
	const float determinant = pose->xx * pose->yy - pose->xy * pose->yx;
	if (determinant == 0)
		return;
	const float small = fminf(rx, ry) * pose->scale * size;
	for (int py = box.y0; py < box.y1; py++)
		for (int px = box.x0; px < box.x1; px++) {
			const float dx = (px + 0.5f) / size - centre.x, dy = (py + 0.5f) / size - centre.y;
			const float u = (pose->yy * dx - pose->xy * dy) / determinant / rx, v = (pose->xx * dy - pose->yx * dx) / determinant / ry;
			float distance = (sqrtf(u * u + v * v) - 1) * small;
			if (thickness > 0)
				distance = fabsf(distance) - 0.5f * thickness * pose->scale * size;
			if (distance < 0.5f)
				blend(canvas->rgb + ((long)py * size + px) * 3, &colour, alpha * coverage(distance));
		}
}

void cvt_draw_polygon(struct cvt_canvas *canvas, const struct cvt_pose *pose, const struct cvt_point *corners, int n,
	struct cvt_colour colour, float alpha)
{
	const int size = canvas->size;
	struct cvt_point at[MAX_CORNERS];
	float low_x = 9, low_y = 9, high_x = -9, high_y = -9;
	if (n > MAX_CORNERS)
		n = MAX_CORNERS;
	for (int i = 0; i < n; i++) {
		const struct cvt_point p = cvt_pose_apply(pose, corners[i].x, corners[i].y);
		low_x = fminf(low_x, p.x);
		low_y = fminf(low_y, p.y);
		high_x = fmaxf(high_x, p.x);
		high_y = fmaxf(high_y, p.y);
		at[i] = (struct cvt_point){p.x * size, p.y * size};
	}
	const struct box box = box_of(size, low_x, low_y, high_x, high_y);
	for (int y = box.y0; y < box.y1; y++)
		for (int x = box.x0; x < box.x1; x++) {
			const struct cvt_point p = {x + 0.5f, y + 0.5f};
			bool inside = false;
			float nearest2 = 1e9f;
			for (int i = 0, j = n - 1; i < n; j = i++) {
				nearest2 = fminf(nearest2, line_distance2(p, at[j], at[i]));
				if ((at[i].y > p.y) != (at[j].y > p.y) && p.x < (at[j].x - at[i].x) * (p.y - at[i].y) / (at[j].y - at[i].y) + at[i].x)
					inside = !inside;
			}
			const float distance = inside ? -sqrtf(nearest2) : sqrtf(nearest2);
			if (distance < 0.5f)
				blend(canvas->rgb + ((long)y * size + x) * 3, &colour, alpha * coverage(distance));
		}
}
