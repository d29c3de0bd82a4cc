/* scan.h - which pictures a data folder holds, without opening one. */
#ifndef CVT_DATA_SCAN_H
#define CVT_DATA_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "convtui/dataset.h"

enum { CVT_PART_OPEN = -1 };   /* the random split decides */

struct cvt_found {
	char *path;          /* relative to its root */
	int root;            /* index into roots */
	int class_index;
	int part;            /* enum cvt_part or CVT_PART_OPEN */
	int64_t size, mtime; /* bytes; nanoseconds */
};
struct cvt_scan {
	char *roots[2];      /* the data folder; the folder of --val or NULL */
	int n_classes; char **classes;    /* sorted by byte */
	int n_files, file_room; struct cvt_found *files;   /* sorted by class, then path */
	int n_bad, bad_room; struct cvt_bad_file *bad;     /* what is no regular file: FIFOs, devices, loops, folders that cannot be read */
	int n_others;        /* files that are no pictures by their names */
	bool parts;          /* the root holds train, val, test */

	/* While it is filled. */
	const struct cvt_dataset_progress *progress;
	double said;                      /* when progress was last told; monotonic */
	struct cvt_visited *visited;      /* the folders of the class so far: a hash table */
	size_t n_visited, visited_room;   /* room: a power of two, or 0 */
};

/* Lists `data` as torchvision's ImageFolder does, but each folder once a class, and `val` ("" or NULL: none) with the classes matched by name.
 * progress: as of cvt_dataset_open; may be NULL. Errors: see there. Free with cvt_scan_finish, also after a failure. *scan is filled from
 * scratch. */
CVT_NODISCARD int cvt_scan_folder(const char *data, const char *val, const struct cvt_dataset_progress *progress, struct cvt_scan *scan,
	struct cvt_error *err);
void cvt_scan_finish(struct cvt_scan *scan);
/* Adds to a list of bad files; takes over neither text. */
CVT_NODISCARD int cvt_bad_add(struct cvt_bad_file **list, int *n, int *room, const char *path, const char *reason, struct cvt_error *err);

#endif
