/* init.h - the weights that a run starts from, put into its folder: what they came from may change or go. */
#ifndef CVT_STORE_INIT_H
#define CVT_STORE_INIT_H

#include "convtui/error.h"

/* Puts the safetensors file `source` into the folder as CVT_RUN_INIT. Weights that a run folder keeps are linked, which takes neither time nor
 * room: a file under one of those names is replaced or removed, never written into. Any other file, and where a link cannot be made, is read,
 * checked and copied, and the copy brought to the disk; the folder itself the caller brings there. Errors begin with "init: ". */
CVT_NODISCARD int cvt_init_take(const char *source, const char *folder, struct cvt_error *err);

#endif
