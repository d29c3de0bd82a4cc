/* writer_private.h - what writer.c and inbox.c share. */
#ifndef CVT_STORE_WRITER_PRIVATE_H
#define CVT_STORE_WRITER_PRIVATE_H

#include "store/append.h"
#include "store/writer.h"

struct cvt_writer {
	char folder[1024];                     /* [I] */
	int folder_fd, lock_fd;                /* [I] */
	struct cvt_append batches, epochs;     /* [T] */
	int live_fd;                           /* [M] */
	double created;                        /* [I] */
	int log_fd;                            /* O_APPEND: any thread */
	struct cvt_append commands;            /* these: whoever takes commands, one at a time */
	char (*ids)[24];                       /* of every command in commands.csv */
	int n_ids, capacity_ids;
};

/* Loads the ids of commands.csv, which must be open. */
CVT_NODISCARD int cvt_writer_load_ids(struct cvt_writer *w, struct cvt_error *err);

#endif
