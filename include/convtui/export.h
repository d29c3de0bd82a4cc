/* export.h - what other tools read of a run. Implemented in src/export. */
#ifndef CONVTUI_EXPORT_H
#define CONVTUI_EXPORT_H

#include "convtui/error.h"

/* The plain state_dict of a run: PyTorch's names, F32, no optimiser state, and num_batches_tracked (I64 scalars) where there is a batch norm,
 * so that the post's classes load it with strict=True. `checkpoint`: NULL for best.safetensors, a name in the run folder, or a path
 * with a '/'. Written beside `path` under a name that no file has, and renamed. CVT_ERR_RANGE: `path` is in the folder of a run. */
CVT_NODISCARD int cvt_export_safetensors(const char *run_folder, const char *checkpoint, const char *path,
	struct cvt_error *err);

#endif
