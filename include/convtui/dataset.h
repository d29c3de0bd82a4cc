/* dataset.h - a folder of class folders, or the built-in pictures, made ready to train on.
 *
 * The layout is torchvision's ImageFolder: one folder a class, classes sorted by byte, hidden entries skipped, pictures
 * found recursively below a class folder, each folder once a class, however many links lead to it. A root whose only folders are train and val (or validation), and test, is
 * taken as parts. Pictures are decoded (JPEG, PNG), turned to RGB as Pillow's convert('RGB') does, rotated by EXIF,
 * resized as Pillow's bilinear does, and kept as bytes in a cache on disk. Implemented in src/data. */
#ifndef CONVTUI_DATASET_H
#define CONVTUI_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

enum cvt_part { CVT_PART_TRAIN, CVT_PART_VAL, CVT_PART_TEST, CVT_N_PARTS };

struct cvt_dataset_options {
	const char *data;            /* folder or "builtin" */
	const char *val;             /* folder or "" */
	int image_size, channels;
	bool exif;                   /* apply EXIF orientation */
	int class_weights;           /* enum cvt_class_weights of config.h */
	double val_fraction, test_fraction;
	uint64_t seed;               /* of the split */
	int threads;                 /* decoding; 0: all allowed */
	const char *cache;           /* folder of caches; NULL: $XDG_CACHE_HOME/convtui, else ~/.cache/convtui */
};

struct cvt_class {
	char *name;                  /* the folder's, control characters kept: strip before showing (cvt_text_clean) */
	int count;                   /* good pictures, all parts */
	int part_count[CVT_N_PARTS];
	double weight;               /* in the loss */
};
struct cvt_picture {
	char *path;                  /* relative to the root it was found in; builtin: "motorbike/0001" */
	int class_index;
	enum cvt_part part;
};
struct cvt_bad_file { char *path, *reason; };          /* "not a JPEG or PNG", "truncated", ... */
struct cvt_duplicate { char *path, *of; bool across_parts; };   /* the same bytes as an earlier picture */

struct cvt_dataset {
	int n_classes;      struct cvt_class *classes;
	int n_pictures;     struct cvt_picture *pictures;  /* sorted by class, then path by byte */
	int n_bad;          struct cvt_bad_file *bad;
	int n_others;                                      /* files that are no pictures by their names: passed over */
	int n_duplicates;   struct cvt_duplicate *duplicates;
	int n_warnings;     char **warnings;               /* "class schooner has no picture in the validation part" */
	int part_size[CVT_N_PARTS];
	int image_size, channels;
	double mean[3], std[3];      /* per channel over the whole set, values 0..1; std with n-1 */
	char fingerprint[40];        /* hex; of names, bytes, which are bad (builtin: the generator's version) and preprocessing; not of dates or where it lies */
	struct cvt_dataset_store *store;                   /* private: the open cache */
};

/* Called from the preparing thread, at most some ten times a second. Return false to cancel. total: 0 while the folder is listed. */
struct cvt_dataset_progress {
	bool (*step)(void *context, int done, int total, int bad, const char *what /* "listing", "decoding" */);
	void *context;
};

/* Scans, decodes and resizes what the cache lacks, computes mean and std, splits. Slow (seconds) the first time.
 * Errors: no such folder, no permission, fewer than two classes, a class folder without a picture (named), no good
 * picture, no space for the cache (then the pixels are kept in memory, as a warning), CVT_ERR_CANCELLED. Files that
 * cannot be decoded are named in `bad` and skipped. Free with cvt_dataset_close. */
CVT_NODISCARD int cvt_dataset_open(const struct cvt_dataset_options *options,
	const struct cvt_dataset_progress *progress, struct cvt_dataset **ret_dataset, struct cvt_error *err);
void cvt_dataset_close(struct cvt_dataset *dataset);

/* Does the name end as torchvision takes it for a picture's (.jpg, .png, .webp, ...)? Other files of a folder are passed over, as there. */
bool cvt_picture_name(const char *name);

/* Only the number of classes and pictures, without reading one: fast enough for the form, where the folder is on a disk of this machine.
 * progress and ret_count may be NULL. Errors: as above, CVT_ERR_CANCELLED too. */
CVT_NODISCARD int cvt_dataset_count_classes(const char *data, const struct cvt_dataset_progress *progress, int *ret_n_classes, int *ret_count,
	struct cvt_error *err);

/* Pixels of one picture: channels x image_size x image_size bytes, planar (all red, all green, all blue). Thread-safe. */
CVT_NODISCARD int cvt_dataset_pixels(const struct cvt_dataset *dataset, int picture, unsigned char *pixels,
	struct cvt_error *err);

#endif
