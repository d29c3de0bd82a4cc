/* config.h - every setting of a run, and the one table that describes them.
 *
 * A row of the table is a key, a label, a help text, a unit, a type, bounds, a step, choices, where it applies and
 * whether it can be steered while a run trains. The YAML reader, the command line, the form, validation, --help,
 * config.yaml and steering all read the table: adding an option is adding a row (and a field of struct cvt_config).
 * Implemented in src/config. No call here is slow; all are thread-safe as long as two threads do not share a struct. */
#ifndef CONVTUI_CONFIG_H
#define CONVTUI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convtui/error.h"

enum cvt_arch {
	CVT_ARCH_CNN, CVT_ARCH_VGG_A, CVT_ARCH_VGG_B, CVT_ARCH_VGG_C, CVT_ARCH_VGG_D, CVT_ARCH_VGG_E, CVT_ARCH_GOOGLENET
};
enum cvt_schedule { CVT_SCHEDULE_CONSTANT, CVT_SCHEDULE_STEP, CVT_SCHEDULE_COSINE };
enum cvt_augment { CVT_AUGMENT_NONE, CVT_AUGMENT_FLIP };
enum cvt_class_weights { CVT_WEIGHTS_SHARE, CVT_WEIGHTS_BALANCED, CVT_WEIGHTS_POST, CVT_WEIGHTS_NONE };
enum cvt_inception { CVT_INCEPTION_TRAINED, CVT_INCEPTION_POST };
enum cvt_exif { CVT_EXIF_ON, CVT_EXIF_OFF };
enum cvt_isa { CVT_ISA_AUTO, CVT_ISA_BASELINE, CVT_ISA_AVX2, CVT_ISA_AVX512 };
enum cvt_conv_choice { CVT_CONV_AUTO, CVT_CONV_DIRECT, CVT_CONV_WINOGRAD, CVT_CONV_GEMM };

/* One run's settings. A plain value: copy it with =. Filled by cvt_config_init, never by hand. */
struct cvt_config {
	char data[1024];          /* a folder, or "builtin": the built-in generator of pictures */
	char val[1024];           /* a folder of validation pictures; "": a random part of `data` */
	int image_size;           /* pixels; pictures are resized to image_size x image_size */
	int channels;             /* 1 or 3 */
	int arch;                 /* enum cvt_arch */
	int layers;               /* conv layers of the CNN, 1 to 8 */
	char expansion[256];      /* the CNN's rule for feature maps, a function of x */
	double lr;                /* learning rate; while `lr` is not set, cvt_config_resolve fills the post's for the depth */
	int batch;                /* pictures a step */
	int epochs;
	double momentum, weight_decay;
	int schedule;             /* enum cvt_schedule */
	int step_epochs;          /* CVT_SCHEDULE_STEP: every so many epochs ... */
	double step_factor;       /* ... the rate is multiplied by this */
	int patience;             /* stop after so many epochs without a better validation accuracy; 0: never */
	int augment;              /* enum cvt_augment */
	double val_fraction, test_fraction;
	int class_weights;        /* enum cvt_class_weights */
	int inception;            /* enum cvt_inception */
	int exif;                 /* enum cvt_exif */
	uint64_t seed;
	int threads;              /* 0: all processors this process may use */
	int isa;                  /* enum cvt_isa */
	int conv;                 /* enum cvt_conv_choice */
	char init[1024];          /* a safetensors file to start from; "": random */
	uint64_t set;             /* bit i: row i of the table was given by the user, a preset or a file */
};

enum cvt_option_type { CVT_TYPE_INT, CVT_TYPE_REAL, CVT_TYPE_CHOICE, CVT_TYPE_TEXT, CVT_TYPE_PATH, CVT_TYPE_SEED };
enum { CVT_APPLIES_CNN = 1, CVT_APPLIES_VGG = 2, CVT_APPLIES_GOOGLENET = 4, CVT_APPLIES_ALL = 7 };

struct cvt_option {
	const char *key;             /* "image-size": the flag --image-size, the YAML key, the name in `steer` */
	const char *label;           /* "image size": in the form */
	const char *help;            /* one line */
	const char *unit;            /* "pixels", or "" */
	enum cvt_option_type type;
	double min, max;             /* INT and REAL: inclusive bounds */
	double step;                 /* what an arrow adds (INT, REAL); with `scaled`, what it multiplies by (REAL: to 1, 2, 5 x 10^k) */
	bool scaled;
	bool exact;                  /* INT: only min, min + step, ... are allowed */
	const char *const *choices;  /* CHOICE: NULL-terminated; the value is the index */
	unsigned applies;            /* CVT_APPLIES_... */
	bool live;                   /* may be steered while a run trains */
	bool resumable;              /* may differ on resume (more epochs, other threads) */
	bool form;                   /* a row of the form on screen 1 */
	bool beside;                 /* PATH: in a YAML file, a name without / is that of a file in the YAML file's own folder */
	size_t offset, size;         /* the field in struct cvt_config */
};

/* The table; rows keep their order, which is the order of the form and of config.yaml. *ret_n: number of rows (< 64). */
const struct cvt_option *cvt_options(int *ret_n);
/* NULL when there is no such key. */
const struct cvt_option *cvt_option_find(const char *key);
/* Does the row apply to the architecture (enum cvt_arch)? */
bool cvt_option_applies(const struct cvt_option *option, int arch);
/* The choices of CVT_TYPE_CHOICE, whose index is the value: "cnn", "vgg-a", ... */
const char *cvt_arch_name(int arch);
/* The word most like `word` by edit distance, or NULL when none is near: for "did you mean". words: n of them. */
const char *cvt_nearest(const char *word, const char *const *words, int n);

/* The post's defaults: CNN, 4 layers, "x + 13", 256 pixels, batch 128, 20 epochs, the rate of the depth, no momentum. */
void cvt_config_init(struct cvt_config *config);
/* Parses `text` for the row, checks type and bounds, stores it and marks it set; of a path with a leading ~ the whole is stored (see
 * cvt_path_expand). On failure: its code, CVT_ERR_SYNTAX or CVT_ERR_RANGE, naming the key, what was given and what is allowed; *config untouched. */
CVT_NODISCARD int cvt_config_set(struct cvt_config *config, const struct cvt_option *option, const char *text,
	struct cvt_error *err);
/* Writes the row's value as cvt_config_set reads it (shortest text that gives the same value), cut at `size`. */
void cvt_config_get(const struct cvt_config *config, const struct cvt_option *option, char *text, size_t size);
/* One step of the form's arrow, direction -1 or 1, kept within the bounds; text and path rows do not step. */
void cvt_config_step(struct cvt_config *config, const struct cvt_option *option, int direction);
/* Fills what depends on other rows and was not set: the rate of the post for the architecture and depth. Idempotent. */
void cvt_config_resolve(struct cvt_config *config);
/* What one row cannot see alone: fractions that leave no training part, options that contradict. Not the network's
 * shapes (cvt_describe reports those). */
CVT_NODISCARD int cvt_config_check(const struct cvt_config *config, struct cvt_error *err);

/* Reads a YAML mapping of keys to scalars over *config. Errors carry file, line and column; *config is untouched then.
 * Lists and ranges are an error here (see cvt_sweep). Keys of config.yaml's provenance are read past. */
CVT_NODISCARD int cvt_config_load(struct cvt_config *config, const char *path, struct cvt_error *err);
/* The same from memory; `name` stands for the file in messages, and says where a file beside it is. */
CVT_NODISCARD int cvt_config_parse(struct cvt_config *config, const char *text, size_t length, const char *name,
	struct cvt_error *err);
/* A file (when `name` has a '/' or ends in .yaml) or a preset compiled into the program. Not found: lists near names. */
CVT_NODISCARD int cvt_config_load_preset(struct cvt_config *config, const char *name, struct cvt_error *err);
/* Some values only turn out not to work when a network is built of them. When err's message begins with a key ("image-size 16: ...",
 * "expansion: ...") whose value `config` has from that preset or file, err gets its file, line and column; true then. Otherwise err stays. */
bool cvt_config_place(const char *name, const struct cvt_config *config, struct cvt_error *err);
/* The presets compiled in, sorted by name, NULL-terminated; help is the preset's first comment line. */
struct cvt_preset { const char *name, *help, *text; };
const struct cvt_preset *cvt_presets(int *ret_n);

/* config.yaml: every row, and the provenance. The text is the caller's (free). NULL fields of `from` are left out. */
struct cvt_provenance {
	const char *fingerprint;       /* of the data: cvt_dataset.fingerprint */
	const char *parent, *parent_checkpoint;   /* the run it began from; the file, also one that is of no run */
	const char *version;
};
CVT_NODISCARD int cvt_config_write(const struct cvt_config *config, const struct cvt_provenance *from, char **ret_text,
	struct cvt_error *err);
/* What the run of a config.yaml began from, as its provenance says; "": nothing, or not the checkpoint of a run. */
struct cvt_parent { char run[256], checkpoint[1024]; };
CVT_NODISCARD int cvt_config_parent(const char *path, struct cvt_parent *ret_parent, struct cvt_error *err);

/* A sweep: one row may have several values, as a list `1e-4,1e-3` or a range `1..4` or `2..8..2` (INT), `0.1..0.3..0.1` or `1e-4..1e-2..x10`
 * (REAL). The product of
 * all rows is the sweep, the last row varying fastest; at most 4096. A row that does not apply to an architecture is not multiplied
 * there; paths are never split (a YAML sequence may list them). `x*2 if min(x, 3) < 2 else x` is one value: commas inside
 * parentheses do not split. */
struct cvt_sweep {
	struct cvt_config *configs;    /* n of them, resolved and checked */
	int n;
};
/* `texts[i]` is the text given for row i of the table, NULL where none was. Free with cvt_sweep_finish. */
CVT_NODISCARD int cvt_sweep_expand(const struct cvt_config *base, const char *const *texts, struct cvt_sweep *ret_sweep,
	struct cvt_error *err);
/* A preset that is itself a sweep (YAML sequences or ranges), with `texts` over it. A preset without lists gives n = 1. */
CVT_NODISCARD int cvt_sweep_load_preset(const char *name, const char *const *texts, struct cvt_sweep *ret_sweep,
	struct cvt_error *err);
void cvt_sweep_finish(struct cvt_sweep *sweep);

#endif
