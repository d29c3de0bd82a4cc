/* tensor.h - a view of float32 in NCHW order. Owns nothing. */
#ifndef CVT_NN_TENSOR_H
#define CVT_NN_TENSOR_H

#include <stddef.h>

struct cvt_tensor {
	float *data;              /* 64-byte aligned unless a channel slice */
	int n, c, h, w;           /* a dense vector is [n, c, 1, 1] */
	ptrdiff_t image_stride;   /* floats from one image to the next; > c*h*w when this is a slice of a concat */
};

#endif
