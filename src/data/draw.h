/* draw.h - a canvas of floats, and the few shapes that the built-in pictures are made of.
 *
 * Coordinates and lengths are in units of the picture's side, so that a picture is the same at any size; edges are smoothed over one
 * pixel. Random numbers come from a stream that only its own key decides. */
#ifndef CVT_DATA_DRAW_H
#define CVT_DATA_DRAW_H

#include <stdint.h>

struct cvt_stream { uint64_t key; uint32_t major; uint64_t block; uint32_t numbers[4]; int left; };

uint32_t cvt_stream_u32(struct cvt_stream *stream);
float cvt_stream_uniform(struct cvt_stream *stream, float low, float high);
/* 0 to n - 1. */
int cvt_stream_below(struct cvt_stream *stream, int n);

struct cvt_point { float x, y; };
struct cvt_colour { float rgb[3]; };   /* 0 to 1 */
struct cvt_canvas { int size; float *rgb; };   /* [size, size, 3] */
/* From the coordinates of a thing (about -1 to 1) to the picture's. */
struct cvt_pose { float xx, xy, yx, yy, x, y, scale; };

struct cvt_point cvt_pose_apply(const struct cvt_pose *pose, float x, float y);
/* Radius and points are a thing's; the pose takes them to the picture. alpha: 0 to 1. */
void cvt_draw_line(struct cvt_canvas *canvas, const struct cvt_pose *pose, float x0, float y0, float x1, float y1, float width,
	struct cvt_colour colour, float alpha);
/* An ellipse with its axes along the thing's; thickness 0: filled, else a ring that wide. */
void cvt_draw_ellipse(struct cvt_canvas *canvas, const struct cvt_pose *pose, float x, float y, float rx, float ry, float thickness,
	struct cvt_colour colour, float alpha);
/* A filled polygon of up to 12 corners. */
void cvt_draw_polygon(struct cvt_canvas *canvas, const struct cvt_pose *pose, const struct cvt_point *corners, int n,
	struct cvt_colour colour, float alpha);

#endif
