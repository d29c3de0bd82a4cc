/* prepare.h - what a run's settings ask of the data, and small text of config.yaml. */
#ifndef CVT_TRAIN_PREPARE_H
#define CVT_TRAIN_PREPARE_H

#include "convtui/config.h"
#include "convtui/dataset.h"

/* The pictures that a run with these settings trains on; strings point into *config. */
struct cvt_dataset_options cvt_dataset_options_of(const struct cvt_config *config);
/* CVT_ERR_FORMAT unless the data are those whose fingerprint was `began_with` ("": not known, so any). or_else: what else could be done. */
CVT_NODISCARD int cvt_same_pictures(const char *began_with, const struct cvt_dataset *dataset, const char *data, const char *or_else,
	struct cvt_error *err);
/* The scalar of a top-level key of a YAML text as cvt_config_write spells it; quotes taken off. False: not there, or it does not fit. */
bool cvt_yaml_value(const char *text, const char *key, char *value, size_t size);

#endif
