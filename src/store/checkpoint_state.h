/* checkpoint_state.h - struct cvt_checkpoint_state as text for the metadata of a checkpoint, and back. */
#ifndef CVT_STORE_CHECKPOINT_STATE_H
#define CVT_STORE_CHECKPOINT_STATE_H

#include "store/checkpoint.h"

/* JSON, the caller's (free); NULL: no memory. */
char *cvt_checkpoint_state_text(const struct cvt_checkpoint_state *state);
/* Text of *ret_state lives as long as *file. `path` is for messages. */
CVT_NODISCARD int cvt_checkpoint_state_parse(const char *text, const char *path, struct cvt_safetensors *file,
	struct cvt_checkpoint_state *ret_state, struct cvt_error *err);

#endif
