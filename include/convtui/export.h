/* export.h - what other tools read of a run. Implemented in src/export. */
#ifndef CONVTUI_EXPORT_H
#define CONVTUI_EXPORT_H

#include "convtui/error.h"

/* The plain state_dict of a run (best.safetensors by default): PyTorch's names, F32 only, no optimiser state, so that the post's classes
 * load it with strict=True (num_batches_tracked as I64 scalars included). Written as .tmp and renamed. */
CVT_NODISCARD int cvt_export_safetensors(const char *run_folder, const char *checkpoint, const char *path,
	struct cvt_error *err);

#endif
