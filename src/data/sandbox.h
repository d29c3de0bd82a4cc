/* sandbox.h - runs the decoder of pictures in a child process that can do nothing but compute.
 *
 * A picture is somebody else's bytes, and a decoder is where such bytes turn into running code. So the child gets the file's bytes in shared
 * memory and gives pixels back there; a seccomp filter leaves it memory, futexes, its own socket and the exit, so that it can open no
 * file and no connection; memory and processor time are limited. A decoder that crashes, loops, allocates without end or
 * calls what it may not ends as one error that names the reason, and the next picture gets a new child. */
#ifndef CVT_DATA_SANDBOX_H
#define CVT_DATA_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "convtui/error.h"

struct cvt_decode_request { bool exif; int width, height, channels; };   /* of the pixels wanted: planar bytes */
/* Decodes `data` into pixels[channels * height * width]; runs in the child. */
typedef int cvt_decode_fn(const unsigned char *data, size_t size, const struct cvt_decode_request *request, unsigned char *pixels,
	struct cvt_error *err);

struct cvt_sandbox_limits {
	size_t file_bytes, pixel_bytes;   /* largest file, largest output; address space is taken, not memory */
	size_t memory_bytes;              /* what the child may map beyond that */
	double cpu_seconds;               /* a picture */
};
/* What cvt_image_load accepts at most: 64 MB of file, 1.5 GB of work, 20 s of processor time. */
struct cvt_sandbox_limits cvt_sandbox_defaults(size_t pixel_bytes);

struct cvt_sandbox;
/* One sandbox serves one thread at a time. The child starts with the first picture. */
CVT_NODISCARD int cvt_sandbox_create(cvt_decode_fn *decode, const struct cvt_sandbox_limits *limits, struct cvt_sandbox **ret_sandbox,
	struct cvt_error *err);
void cvt_sandbox_destroy(struct cvt_sandbox *sandbox);
/* Decodes the `size` bytes of a file there. Errors: the reason, which does not name the file; CVT_ERR_IO when the child died or was ended, which the
 * next attempt may not repeat. */
CVT_NODISCARD int cvt_sandbox_decode(struct cvt_sandbox *sandbox, const void *data, size_t size, const struct cvt_decode_request *request,
	unsigned char *pixels, struct cvt_error *err);
/* False where the kernel lacks seccomp: the child is then held by its limits only, which the caller says. Known after the first picture. */
bool cvt_sandbox_confined(const struct cvt_sandbox *sandbox);
/* The names of the system calls that a child may make, separated by spaces. */
const char *cvt_sandbox_calls(void);

#endif
