/* options.c - the table of options: one row is everything that is known of one setting. */
#include <string.h>

#include "config/rows.h"

static const char *const archs[] = {"cnn", "vgg-a", "vgg-b", "vgg-c", "vgg-d", "vgg-e", "googlenet", NULL};
static const char *const schedules[] = {"constant", "step", "cosine", NULL};
static const char *const augments[] = {"none", "flip", NULL};
static const char *const class_weights[] = {"share", "balanced", "post", "none", NULL};
static const char *const inceptions[] = {"trained", "post", NULL};
static const char *const exifs[] = {"on", "off", NULL};
static const char *const isas[] = {"auto", "x86-64", "avx2", "avx512", NULL};
static const char *const convs[] = {"auto", "direct", "winograd", "gemm", NULL};

#define FIELD(name) .offset = offsetof(struct cvt_config, name), .size = sizeof(((struct cvt_config *)0)->name)

static const struct cvt_option table[] = {
	{.key = "data", .label = "data", .help = "a folder of class folders, or builtin: pictures drawn by the program", .unit = "",
		.type = CVT_TYPE_PATH, .applies = CVT_APPLIES_ALL, .form = true, FIELD(data)},
	{.key = "val", .label = "validation data", .help = "a folder of validation pictures; empty: a random part of the data", .unit = "",
		.type = CVT_TYPE_PATH, .applies = CVT_APPLIES_ALL, .form = true, FIELD(val)},
	{.key = "arch", .label = "architecture", .help = "the family of networks", .unit = "", .type = CVT_TYPE_CHOICE, .choices = archs,
		.applies = CVT_APPLIES_ALL, .form = true, FIELD(arch)},
	{.key = "layers", .label = "conv layers", .help = "convolutional layers of the CNN; each halves the picture", .unit = "layers",
		.type = CVT_TYPE_INT, .min = 1, .max = 8, .step = 1, .applies = CVT_APPLIES_CNN, .form = true, FIELD(layers)},
	{.key = "expansion", .label = "expansion", .help = "feature maps out of a layer, as a function of x, the maps into it", .unit = "",
		.type = CVT_TYPE_TEXT, .applies = CVT_APPLIES_CNN, .form = true, FIELD(expansion)},
	{.key = "lr", .label = "learning rate", .help = "what a gradient is multiplied by; unset: the post's for the network", .unit = "",
		.type = CVT_TYPE_REAL, .min = 1e-9, .max = 10, .step = 2, .scaled = true, .applies = CVT_APPLIES_ALL, .live = true,
		.resumable = true, .form = true, FIELD(lr)},
	{.key = "batch", .label = "batch size", .help = "pictures a step; unset: the post's for the network", .unit = "pictures",
		.type = CVT_TYPE_INT, .min = 1, .max = 4096, .step = 2, .scaled = true, .applies = CVT_APPLIES_ALL, .form = true, FIELD(batch)},
	{.key = "epochs", .label = "epochs", .help = "times through the training part; unset: the post's for the network", .unit = "epochs",
		.type = CVT_TYPE_INT, .min = 1, .max = 100000, .step = 1, .applies = CVT_APPLIES_ALL, .live = true, .resumable = true,
		.form = true, FIELD(epochs)},
	{.key = "image-size", .label = "image size", .help = "pictures are resized to this many pixels each way", .unit = "pixels",
		.type = CVT_TYPE_INT, .min = 2, .max = 2048, .step = 32, .applies = CVT_APPLIES_ALL, .form = true, FIELD(image_size)},
	{.key = "channels", .label = "channels", .help = "3: colour, 1: grey", .unit = "channels", .type = CVT_TYPE_INT, .min = 1, .max = 3,
		.step = 2, .exact = true, .applies = CVT_APPLIES_ALL, .form = true, FIELD(channels)},
	{.key = "momentum", .label = "momentum", .help = "of stochastic gradient descent; 0: none, as in the post", .unit = "",
		.type = CVT_TYPE_REAL, .min = 0, .max = 0.9999, .step = 0.1, .applies = CVT_APPLIES_ALL, .live = true, .resumable = true,
		.form = true, FIELD(momentum)},
	{.key = "weight-decay", .label = "weight decay", .help = "added to the gradient: this times the weight", .unit = "",
		.type = CVT_TYPE_REAL, .min = 0, .max = 1, .step = 1e-4, .applies = CVT_APPLIES_ALL, .live = true, .resumable = true,
		.form = true, FIELD(weight_decay)},
	{.key = "schedule", .label = "schedule", .help = "how the learning rate changes with the epochs", .unit = "", .type = CVT_TYPE_CHOICE,
		.choices = schedules, .applies = CVT_APPLIES_ALL, .form = true, FIELD(schedule)},
	{.key = "step-epochs", .label = "step every", .help = "schedule step: the rate changes after every so many epochs", .unit = "epochs",
		.type = CVT_TYPE_INT, .min = 1, .max = 100000, .step = 1, .applies = CVT_APPLIES_ALL, .form = true, FIELD(step_epochs)},
	{.key = "step-factor", .label = "step factor", .help = "schedule step: the rate is multiplied by this", .unit = "",
		.type = CVT_TYPE_REAL, .min = 1e-6, .max = 1, .step = 0.1, .applies = CVT_APPLIES_ALL, .form = true, FIELD(step_factor)},
	{.key = "patience", .label = "patience", .help = "stop after so many epochs without a better validation accuracy; 0: never",
		.unit = "epochs", .type = CVT_TYPE_INT, .min = 0, .max = 100000, .step = 1, .applies = CVT_APPLIES_ALL, .live = true,
		.resumable = true, .form = true, FIELD(patience)},
	{.key = "augment", .label = "augment", .help = "flip: half of the training pictures mirrored, others each epoch", .unit = "",
		.type = CVT_TYPE_CHOICE, .choices = augments, .applies = CVT_APPLIES_ALL, .form = true, FIELD(augment)},
	{.key = "val-fraction", .label = "validation share", .help = "share of the pictures kept for validation", .unit = "",
		.type = CVT_TYPE_REAL, .min = 0, .max = 0.95, .step = 0.05, .applies = CVT_APPLIES_ALL, .form = true, FIELD(val_fraction)},
	{.key = "test-fraction", .label = "test share", .help = "share of the pictures kept for a test: convtui evaluate RUN --part test", .unit = "",
		.type = CVT_TYPE_REAL, .min = 0, .max = 0.95, .step = 0.05, .applies = CVT_APPLIES_ALL, .form = true, FIELD(test_fraction)},
	{.key = "class-weights", .label = "class weights", .help = "share: 1 - share of the pictures; balanced: n / (classes x count); "
		"post: share on the wrong classes; none", .unit = "", .type = CVT_TYPE_CHOICE, .choices = class_weights,
		.applies = CVT_APPLIES_ALL, .form = true, FIELD(class_weights)},
	{.key = "inception", .label = "inception", .help = "trained; post: branches frozen at their random start, as the post's list had it",
		.unit = "", .type = CVT_TYPE_CHOICE, .choices = inceptions, .applies = CVT_APPLIES_GOOGLENET, .form = true, FIELD(inception)},
	{.key = "exif", .label = "EXIF", .help = "turn photographs the way their EXIF says", .unit = "", .type = CVT_TYPE_CHOICE,
		.choices = exifs, .applies = CVT_APPLIES_ALL, FIELD(exif)},
	{.key = "seed", .label = "seed", .help = "of initial weights, split, order, dropout and flips", .unit = "", .type = CVT_TYPE_SEED,
		.step = 1, .applies = CVT_APPLIES_ALL, .form = true, FIELD(seed)},
	{.key = "threads", .label = "threads", .help = "compute threads; 0: every processor this process may use", .unit = "threads",
		.type = CVT_TYPE_INT, .min = 0, .max = 1024, .step = 1, .applies = CVT_APPLIES_ALL, .live = true, .resumable = true,
		.form = true, FIELD(threads)},
	{.key = "isa", .label = "instruction set", .help = "auto: the best this processor has", .unit = "", .type = CVT_TYPE_CHOICE,
		.choices = isas, .applies = CVT_APPLIES_ALL, FIELD(isa)},
	{.key = "conv", .label = "convolution", .help = "auto: the fastest kernel for each layer", .unit = "", .type = CVT_TYPE_CHOICE,
		.choices = convs, .applies = CVT_APPLIES_ALL, FIELD(conv)},
	{.key = "init", .label = "initial weights", .help = "a safetensors file to start from (in YAML a name without / is beside that file); empty: random", .unit = "",
		.type = CVT_TYPE_PATH, .applies = CVT_APPLIES_ALL, .form = true, .beside = true, FIELD(init)},
};
enum { N_ROWS = sizeof table / sizeof *table };
_Static_assert(N_ROWS < 64, "cvt_config.set has a bit for each row");

const struct cvt_option *cvt_options(int *ret_n)
{
	*ret_n = N_ROWS;
	return table;
}

const struct cvt_option *cvt_option_find(const char *key)
{
	for (int i = 0; i < N_ROWS; i++)
		if (!strcmp(table[i].key, key))
			return &table[i];
	return NULL;
}

int cvt_option_index(const struct cvt_option *option)
{
	return (int)(option - table);
}

bool cvt_option_applies(const struct cvt_option *option, int arch)
{
	unsigned family = arch == CVT_ARCH_CNN ? CVT_APPLIES_CNN : arch == CVT_ARCH_GOOGLENET ? CVT_APPLIES_GOOGLENET : CVT_APPLIES_VGG;
	return option->applies & family;
}

const char *cvt_arch_name(int arch)
{
	return arch >= 0 && arch <= CVT_ARCH_GOOGLENET ? archs[arch] : "?";
}
