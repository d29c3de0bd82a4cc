/* The real program: what it prints, where, and how it exits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../scratch.h"
#include "convtui/config.h"
#include "convtui/machine.h"
#include "store/writer.h"

extern char **environ;
static const char *out, *err;            /* what the program printed last */

/* Runs the program with the words of `line` ('single quotes' keep spaces together) and a run store of the test's own. */
static int run(const char *line)
{
	char words[1024], *argv[32];
	int argc = 0, status;
	pid_t pid;
	posix_spawn_file_actions_t actions;
	argv[argc++] = getenv("CVT_PROGRAM");
	assert_non_null(argv[0]);
	snprintf(words, sizeof words, "%s", line);
	for (char *c = words; *c && argc < 31;) {
		c += strspn(c, " ");
		bool quoted = *c == '\'';
		argv[argc++] = c += quoted;
		c += strcspn(c, quoted ? "'" : " ");
		if (*c)
			*c++ = 0;
	}
	argv[argc] = NULL;
	setenv("CONVTUI_RUNS", scratch("runs"), 1);
	setenv("XDG_CACHE_HOME", scratch("cache"), 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, scratch("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&actions, 2, scratch("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	out = scratch_get(scratch("out"));
	err = scratch_get(scratch("err"));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* One line on stderr that starts as every error does and says this; nothing on stdout. */
static void fails(const char *line, int code, const char *says)
{
	int status = run(line);
	const char *end = strchr(err, '\n');
	if (status != code || strncmp(err, "convtui: ", 9) || !end || end[1] || !strstr(err, says) || *out)
		fail_msg("%s: exit %d, stdout '%s', stderr '%s', not: %s", line, status, out, err, says);
}

static void works(const char *line)
{
	int status = run(line);
	if (status != 0 || *err)
		fail_msg("%s: exit %d: %s", line, status, err);
}

static json_t *json_line(int which)
{
	const char *line = out;
	json_error_t why;
	while (which-- > 0 && (line = strchr(line, '\n')))
		line++;
	assert_non_null(line);
	json_t *object = json_loadb(line, strcspn(line, "\n"), 0, &why);
	if (!object)
		fail_msg("no JSON: %s: %s", why.text, line);
	return object;
}

static void has_keys(json_t *object, const char *keys)
{
	char text[512];
	snprintf(text, sizeof text, "%s", keys);
	for (char *key = strtok(text, " "); key; key = strtok(NULL, " "))
		if (!json_object_get(object, key))
			fail_msg("no key %s", key);
}

/* A run that is done, made as a runner makes it. */
static struct cvt_run make_run(const char *short_name, const char *network, double accuracy)
{
	struct cvt_error e = {0};
	struct cvt_run made;
	struct cvt_writer *writer;
	struct cvt_config config;
	char *yaml;
	cvt_config_init(&config);
	assert_int_equal(cvt_config_write(&config, NULL, &yaml, &e), CVT_OK);
	struct cvt_new_run what = {.short_name = short_name, .config_yaml = yaml, .network = network, .parameters = 1234567, .lr = 0.01,
		.batch_size = 128, .epochs = 2};
	assert_int_equal(cvt_run_create(scratch("runs"), &what, &made, &e), CVT_OK);
	free(yaml);
	assert_int_equal(cvt_writer_open(made.folder, &writer, &e), CVT_OK);
	for (int i = 1; i <= 2; i++)
		assert_int_equal(cvt_writer_epoch(writer, &(struct cvt_epoch_row){i, 0.5 / i, 90 + i, 0.6 / i, accuracy - 2 + i, 0.01, 1.5}, &e), CVT_OK);
	/* 100 pictures a second. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(cvt_writer_batch(writer, &(struct cvt_batch_row){.batch = i, .epoch = 1, .images = 128, .loss = 1, .lr = 0.01,
			.seconds = 1.28}, &e), CVT_OK);
	struct cvt_live live = made.live;
	live.state = CVT_STATE_DONE;
	live.batch = 3;
	live.threads = cvt_machine_processors(NULL);
	live.epoch = 2;
	live.loss = 0.25;
	live.train_accuracy = 92;
	live.val_accuracy = live.best_val_accuracy = accuracy;
	live.best_epoch = 2;
	assert_int_equal(gethostname(live.host, sizeof live.host - 1), 0);
	assert_int_equal(cvt_writer_live(writer, &live, &e), CVT_OK);
	cvt_writer_close(writer);
	return made;
}

/* Writes the page of a run again, changed. */
static void change_page(const struct cvt_run *run, void (*change)(struct cvt_live *live))
{
	struct cvt_error e = {0};
	struct cvt_run now;
	struct cvt_writer *writer;
	assert_int_equal(cvt_run_read(run->folder, &now, &e), CVT_OK);
	change(&now.live);
	assert_int_equal(cvt_writer_open(run->folder, &writer, &e), CVT_OK);
	assert_int_equal(cvt_writer_live(writer, &now.live, &e), CVT_OK);
	cvt_writer_close(writer);
}

static void usage_and_errors(void **state)
{
	(void)state;
	works("--version");
	assert_non_null(strstr(out, "convtui "));
	works("--help");
	assert_non_null(strstr(out, "convtui queue"));
	works("help describe");
	assert_non_null(strstr(out, "--expansion RULE"));
	assert_non_null(strstr(out, "vgg-16c"));
	works("describe --help");
	assert_non_null(strstr(out, "Example:"));
	works("steer --help");
	assert_non_null(strstr(out, "momentum= weight-decay= epochs= patience= threads=, pause, resume, checkpoint, stop, stop-after-epoch"));
	works("describe --epochs 1");
	assert_non_null(strstr(out, ", 1 epoch\n"));
	fails("descrbe", 2, "did you mean describe?");
	fails("help descrbe", 2, "did you mean describe?");
	fails("describe --layer 3", 2, "did you mean --layers?");
	fails("describe --layers", 2, "needs a value");
	fails("describe --layers 3 --layers 4", 2, "given twice");
	fails("describe --layers=9", 2, "1 to 8");
	fails("describe --json=yes", 2, "takes no value");
	fails("describe quick quick", 2, "too much");
	fails("describe qiuck", 2, "did you mean quick?");
	fails("describe --lr 1e-3,1e-2", 2, "queue");
	fails("describe vgg-11a --layers 3", 2, "does not apply to vgg-a");
	fails("describe --expansion 'x +'", 1, "convtui: --expansion 'x +': ");
	fails("describe --expansion 'x +'", 1, "column 4");
	fails("describe --lr abc", 2, "convtui: --lr 'abc': must be a number");
	fails("train --lr 0.1 --layers 99", 2, "convtui: --layers 99: must be 1 to 8");
	fails("queue --lr 1e-3,fast", 2, "convtui: --lr 'fast': must be a number");
	fails("describe vgg-11a --image-size 16", 1, "32");
	fails("describe ./none.yaml", 2, "none.yaml");
	fails("show", 2, "missing");
	fails("show last", 1, "no run");
	fails("nonsense", 2, "no command or run");
	fails("rm", 2, "which run");
	fails("runs 'lr>x'", 2, "not a number");
	fails("runs foo:bar", 2, "no field 'foo'");
	fails("data builtin --data builtin", 2, "give one of them");
	/* What cannot be reached by its name is called by its path. */
	char path[1100];
	snprintf(path, sizeof path, "which run? %s rm RUN", getenv("CVT_PROGRAM"));
	fails("rm", 2, path);
}

/* What a command's help does not list it does not take; a resume reads the others to say why not. */
static void help_lists_what_is_taken(void **state)
{
	(void)state;
	works("resume --help");
	assert_non_null(strstr(out, "\n  --epochs N"));
	assert_null(strstr(out, "--batch"));
	assert_null(strstr(out, "[0]"));
	fails("resume last --btch 3", 2, "no flag --btch: see ");
	static const char *const texts[] = {"help", "screen"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char line[64];
		snprintf(line, sizeof line, "%s --help", texts[i]);
		works(line);
		assert_null(strstr(out, "--json"));
		snprintf(line, sizeof line, "%s --json", texts[i]);
		fails(line, 2, "no flag --json");
	}
	works("runs --help");
	assert_non_null(strstr(out, "--json"));
}

static void yaml_errors_have_a_place(void **state)
{
	(void)state;
	char line[1100], says[1100];
	scratch_text(scratch("p.yaml"), "arch: cnn\nlr: &a [*a]\n");
	snprintf(line, sizeof line, "describe %s", scratch("p.yaml"));
	snprintf(says, sizeof says, "%s:2:5: ", scratch("p.yaml"));
	fails(line, 1, says);
	static const struct { const char *yaml, *says; } rows[] = {
		{"arch: cnn\nlayerz: 3\n", ":2:1: unknown key 'layerz': did you mean layers?"},
		{"arch: cnn\nlayers: three\n", ":2:9: layers 'three': must be a whole number"},
		{"layers: 99\n", ":1:9: layers 99: must be 1 to 8"},
		{"arch: {cnn: 3}\n", ":1:7: a mapping inside a mapping"},
		/* What only the network can tell. */
		{"arch: vgg-a\nimage-size: 16\n", ":2:13: image-size 16: VGG halves the picture five times, so at least 32 works"},
		{"arch: googlenet\ninception: post\nimage-size: 63\n", ":3:13: image-size 63: GoogLeNet with inception post"},
		{"expansion: x +* 3\n", ":1:15: expansion: "},
		{"expansion: 'x +* 3'\n", ":1:16: expansion: "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scratch_text(scratch("p.yaml"), rows[i].yaml);
		snprintf(says, sizeof says, "%s%s", scratch("p.yaml"), rows[i].says);
		fails(line, 1, says);
		snprintf(line, sizeof line, "queue %s", scratch("p.yaml"));
		fails(line, 1, says);
		snprintf(line, sizeof line, "describe %s", scratch("p.yaml"));
	}
	/* A flag over it has no place in the file. */
	scratch_text(scratch("p.yaml"), "arch: vgg-a\nimage-size: 64\n");
	snprintf(line, sizeof line, "describe --image-size 16 %s", scratch("p.yaml"));
	fails(line, 1, "convtui: --image-size 16: VGG");
	/* Nor has a value of the file that works without the flag. */
	scratch_text(scratch("p.yaml"), "layers: 3\nimage-size: 64\n");
	snprintf(line, sizeof line, "describe --layers 7 %s --lr 0.01", scratch("p.yaml"));
	fails(line, 1, "convtui: --layers 7 with ");
	fails(line, 1, "image-size 64: 7 layers halve");
	fails("describe quick --expansion 'x*300' --layers 7", 1, "convtui: --expansion at x");
}

/* Every network of the post: parameters as PyTorch counts them. */
static void the_posts_networks(void **state)
{
	(void)state;
	static const struct { const char *preset; json_int_t parameters; } all[] = {{"cnn-16", 67111139}, {"cnn-6", 25167319}, {"cnn-9", 37750465},
		{"cnn-16-29", 30422666}, {"cnn-6-12", 12586243}, {"cnn-9-27", 28319437}, {"cnn-16-29-42", 11054586}, {"cnn-6-12-24", 6302059},
		{"cnn-9-27-81", 21296467}, {"cnn-16-29-42-55", 3706933}, {"cnn-6-12-24-36", 2391607}, {"cnn-9-27-81-94", 6413819}, {"vgg-11a", 160241411},
		{"vgg-13b", 160426307}, {"vgg-16c", 161019971}, {"vgg-16d", 165738563}, {"vgg-19e", 171050819}, {"googlenet", 5986899},
		{"googlenet --inception post", 123843}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char line[128];
		snprintf(line, sizeof line, "describe %s --json", all[i].preset);
		works(line);
		json_t *object = json_line(0);
		has_keys(object, "network feature_maps fm_total parameters multiply_adds train_bytes eval_bytes layers");
		has_keys(json_array_get(json_object_get(object, "layers"), 0), "name kind output parameters");
		if (json_integer_value(json_object_get(object, "parameters")) != all[i].parameters)
			fail_msg("%s: %s", all[i].preset, out);
		json_decref(object);
	}
}

static double epoch_seconds(const char *line)
{
	works(line);
	json_t *object = json_line(0), *seconds = json_object_get(object, "epoch_seconds");
	double value = json_is_null(seconds) ? NAN : json_number_value(seconds);
	assert_non_null(seconds);
	json_decref(object);
	return value;
}

/* From the pictures a second of a run, scaled by multiply-adds; a picture of the validation costs a third. */
static void describe_estimates_an_epoch(void **state)
{
	(void)state;
	assert_true(isnan(epoch_seconds("describe --json")));
	works("describe");
	assert_non_null(strstr(out, "time           unknown"));
	make_run("cnn", "3->16->29->42->55 FM total: 142", 99);
	double whole = epoch_seconds("describe --json");
	json_t *object;
	int pictures = 0;
	works("data builtin --json");
	object = json_line(0);
	pictures = (int)json_integer_value(json_object_get(object, "images"));
	json_decref(object);
	assert_true(pictures > 100 && fabs(whole - pictures * (0.6 + 0.4 / 3) / 100) < 0.02);
	assert_true(fabs(epoch_seconds("describe --json --val-fraction 0.7") / whole - (0.3 + 0.7 / 3) / (0.6 + 0.4 / 3)) < 1e-9);
	double small = epoch_seconds("describe --json --image-size 64");
	assert_true(small < whole / 15 && small > whole / 17);
	assert_true(isnan(epoch_seconds("describe --json --classes 3")));
	works("describe");
	assert_non_null(strstr(out, " in all, as this network trained here (1 run)\n"));
	works("describe --classes 3");
	assert_non_null(strstr(out, "time           unknown: --classes"));
}

static void queue_runs_show_rm(void **state)
{
	(void)state;
	works("queue quick --lr 1e-3,1e-2 --layers 1..3 --json");
	for (int i = 0; i < 6; i++) {
		json_t *object = json_line(i);
		has_keys(object, "run folder network parameters");
		json_decref(object);
	}
	works("runs --json");
	json_t *object = json_line(5);
	has_keys(object, "run state network parameters lr batch epochs epoch loss train_accuracy val_accuracy best_val_accuracy folder");
	assert_string_equal(json_string_value(json_object_get(object, "state")), "queued");
	assert_string_equal(json_string_value(json_object_get(object, "network")), "3->16->29->42 FM total: 87");
	assert_true(json_number_value(json_object_get(object, "lr")) == 0.01);
	assert_true(json_is_null(json_object_get(object, "loss")));
	json_decref(object);
	works("runs 'lr<0.005' --json");
	assert_non_null(strstr(out, "\"lr\":0.001,"));
	assert_null(strstr(out, "\"lr\":0.01,"));
	works("steer last lr=5e-4 pause");
	assert_non_null(strstr(out, "lr 0.0005: sent: it takes effect when the run begins\n"));
	fails("steer last lr=50", 2, "10");
	fails("steer last batch=3", 2, "cannot change");
	fails("steer last puase", 2, "did you mean pause?");
	works("rm last");
	assert_non_null(strstr(out, "/.trash: mv a run from there to "));
	works("runs --json");
	assert_null(strstr(out, "->42 FM total: 87\",\"parameters\":3"));
	works("rm --empty");
	assert_string_equal(out, "trash emptied: 1 run\n");
	/* A sweep with one network that does not work creates none. */
	fails("queue --image-size 16 --arch cnn,vgg-a --layers 1", 1, "32");
	works("runs --json");
	json_decref(json_line(4));
	assert_null(strstr(out, "vgg"));
}

static void show_has_results_and_curves(void **state)
{
	(void)state;
	make_run("cnn", "3->16->29->42->55 FM total: 142", 98.947);
	works("show last");
	assert_non_null(strstr(out, "98.947%, best 98.947% in epoch 2"));
	assert_non_null(strstr(out, "1 to 2 epochs"));
	assert_null(strstr(out, "@ both"));
	assert_non_null(strstr(out, "class-weights  share"));
	works("show last --json");
	json_t *object = json_line(0);
	has_keys(object, "run state network parameters options history");
	assert_int_equal(json_array_size(json_object_get(object, "history")), 2);
	json_decref(object);
	fails("steer last lr=1e-3", 1, " resume 20");
	fails("steer last lr=1e-3", 1, " --epochs 12 goes on");
}

/* The value of a key of a JSON line, as text of its own. */
static char *text_of(int line, const char *key)
{
	json_t *object = json_line(line);
	char *text = strdup(json_string_value(json_object_get(object, key)));
	assert_non_null(text);
	json_decref(object);
	return text;
}

static bool same_batches(const char *a, const char *b)
{
	char command[4096];
	snprintf(command, sizeof command, "cut -d, -f1-6 '%s/batches.csv' >'%s' && cut -d, -f1-6 '%s/batches.csv' | cmp - '%s'", a, scratch("a"), b, scratch("a"));
	return system(command) == 0;
}

/* What a run starts from is its own: it trains, and is repeated from its config.yaml, with the same bits when its parent went on and is gone. */
static void a_branch_outlives_its_parent(void **state)
{
	static const char small[] = "--image-size 16 --layers 1 --batch 500 --threads 1";
	char line[2048];
	(void)state;
	snprintf(line, sizeof line, "train %s --epochs 1 --seed 5 --json", small);
	works(line);
	char *parent = text_of(0, "run"), *folder = text_of(0, "folder");
	snprintf(line, sizeof line, "train %s --epochs 1 --lr 0.01 --init %s/checkpoint.safetensors --json", small, folder);
	works(line);
	char *expected = text_of(0, "folder");
	snprintf(line, sizeof line, "queue %s --epochs 1 --lr 0.01,0.02 --init %s/checkpoint.safetensors --json", small, folder);
	works(line);
	char *child = text_of(0, "folder"), *name = text_of(1, "run");
	works("resume 1-cnn --quiet --epochs 2 --lr 0.1");
	works("rm 1-cnn");
	works("rm --empty");
	works("work --quiet");
	assert_true(same_batches(child, expected));
	snprintf(line, sizeof line, "train %s/config.yaml --json", child);
	works(line);
	char *again = text_of(0, "folder");
	assert_true(same_batches(again, expected));
	/* Whose weights they were is still said, of the other of the sweep and of the one that was repeated, too. */
	snprintf(line, sizeof line, "show %s --json", name);
	works(line);
	char *said = text_of(0, "parent");
	assert_string_equal(said, parent);
	snprintf(line, sizeof line, "show %s", again);
	works(line);
	snprintf(line, sizeof line, "checkpoint.safetensors of %s\n", parent);
	assert_non_null(strstr(out, line));
	char *all[] = {parent, folder, expected, child, name, again, said};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	scratch_text(scratch("bad"), "no weights at all");
	snprintf(line, sizeof line, "train %s --init %s", small, scratch("bad"));
	fails(line, 1, "is not a safetensors file");
}

static void scheduled_without_validation(struct cvt_live *live)
{
	live->lr = 0.00029289321881345256;
	live->val_images = 0;
	live->val_accuracy = live->best_val_accuracy = NAN;
	live->best_epoch = 0;
}

/* A table is for people: a scheduled rate has 17 digits in JSON only. Without a validation part there is none, not one that is not known yet. */
static void figures_for_people(void **state)
{
	(void)state;
	struct cvt_run run = make_run("cnn", "3->16 FM total: 16", 99);
	change_page(&run, scheduled_without_validation);
	works("runs");
	assert_non_null(strstr(out, " 0.0002929 "));
	works("runs --json");
	assert_non_null(strstr(out, "\"lr\":0.00029289321881345"));
	works("show last");
	assert_non_null(strstr(out, "validation  none\n"));
	assert_null(strstr(out, "@ both"));
}

/* Two curves that meet have a sign of their own, which the legend names. */
static void curves_that_meet(void **state)
{
	(void)state;
	struct cvt_error e = {0};
	struct cvt_run run = make_run("cnn", "3->16 FM total: 16", 99);
	struct cvt_writer *writer;
	assert_int_equal(cvt_writer_open(run.folder, &writer, &e), CVT_OK);
	assert_int_equal(cvt_writer_epoch(writer, &(struct cvt_epoch_row){3, 0.1, 99, 0.1, 99, 0.01, 1.5}, &e), CVT_OK);
	cvt_writer_close(writer);
	works("show last");
	assert_non_null(strstr(out, "loss   * train   o validation   @ both\n"));
}

static void summary_is_the_posts(void **state)
{
	(void)state;
	fails("summary", 1, "no runs yet");
	make_run("vgg-a", "VGG-11A", 99.398);
	make_run("cnn", "3->16->29->42->55 FM total: 142", 99.398);
	make_run("cnn", "3->6 FM total: 6", 90.376);
	make_run("cnn", "3->16->29->42->55 FM total: 142", 98.195);
	make_run("googlenet", "GoogLeNet inception post", 88);
	make_run("googlenet", "GoogLeNet", 94);
	works("summary");
	assert_string_equal(out, "accuracies on validation set\n"
		"3->6 FM total: 6                   90.376%\n"
		"3->16->29->42->55 FM total: 142    99.398%\n"
		"3->16->29->42->55 FM total: 142    98.195%\n"
		"\naccuracies on validation set\n"
		"VGG-11A    99.398%\n"
		"\nGoogLeNet accuracy: 94.000\nGoogLeNet inception post accuracy: 88.000\n");
	works("summary --compare arch:cnn");
	assert_non_null(strstr(out, "98.195%    post  99.398%      -1.203"));
	assert_non_null(strstr(out, "\ndifferences count on the post's pictures only"));
	works("summary --compare arch:googlenet");
	assert_non_null(strstr(out, "GoogLeNet accuracy: 94.000    post 99.000 is the number of its last epoch, no accuracy    "));
	works("summary --json");
	json_t *object = json_line(2);
	assert_true(fabs(json_number_value(json_object_get(object, "difference")) + 1.203) < 1e-9);
	json_decref(object);
}

/* Memory in the unit and digits of describe; what more than 100 % of peak means is said once, below all networks. */
static void bench_says_what_it_measures(void **state)
{
	(void)state;
	works("bench quick --layers 1 --image-size 32 --batch 2 --seconds 0.01");
	assert_non_null(strstr(out, "% of peak)  evaluate"));
	assert_non_null(strstr(out, "% of peak)  memory "));
	assert_non_null(strstr(out, " MB  "));
	assert_non_null(strstr(out, "\nGFLOP/s are direct-equivalent"));
	works("bench quick --layers 1 --image-size 32 --batch 2 --seconds 0.01 --json");
	json_t *object = json_line(0);
	has_keys(object, "network image_size batch threads isa train_ms_per_image eval_ms_per_image peak_bytes train_gflops eval_gflops peak_gflops");
	assert_true(json_number_value(json_object_get(object, "peak_gflops")) > 0);
	json_decref(object);
	assert_null(strstr(out, "direct-equivalent"));
}

/* README of the post, item 6. */
static void the_posts_worked_examples(void **state)
{
	(void)state;
	works("explain");
	assert_non_null(strstr(out, "c22 = 0.5*0 + 0.5*1 + 0*0 + 0*1 = 0.5\n\nC (2 x 2)\n    1    0\n    1  0.5\n"));
	assert_non_null(strstr(out, "c12 = max(0, 3, 5, 1) = 5\n"));
	assert_non_null(strstr(out, "C (2 x 2)\n  3  5\n  3  2\n"));
	works("explain --a '1 -2 3; 4 5 6; 7 8 9' --b '1 0; 0 -1' --padding 1 --stride 3 --json");
	json_t *object = json_line(0);
	char *result = json_dumps(json_object_get(object, "result"), JSON_COMPACT | JSON_REAL_PRECISION(6));
	assert_string_equal(result, "[[-1.0,0.0],[0.0,9.0]]");
	free(result);
	json_decref(object);
	fails("explain --a '1 2; 3'", 2, "row 2 has 1 numbers");
	fails("explain --a '1 x' --b 1", 2, "'x' is not a number");
	fails("explain --a '1' --b '1 2'", 2, "larger than A");
	fails("explain --pool 2 --b 1", 2, "give one of them");
}

static void output_that_cannot_be_written(void **state)
{
	(void)state;
	char command[1200];
	snprintf(command, sizeof command, "'%s' help >/dev/full 2>'%s'", getenv("CVT_PROGRAM"), scratch("err"));
	assert_int_equal(WEXITSTATUS(system(command)), 1);
	assert_non_null(strstr(scratch_get(scratch("err")), "No space left"));
	snprintf(command, sizeof command, "'%s' help >&- 2>'%s'", getenv("CVT_PROGRAM"), scratch("err"));
	assert_int_equal(WEXITSTATUS(system(command)), 1);
}

static void doctor_reports(void **state)
{
	(void)state;
	int status = run("doctor --json");
	assert_true(status == 0 || status == 1);     /* 1: it names a problem of this machine */
	json_t *object = json_line(0);
	has_keys(object, "version processor isa processors blas memory runs cache problems");
	assert_int_equal(status, json_array_size(json_object_get(object, "problems")) ? 1 : 0);
	json_decref(object);
	scratch_text(scratch("runs"), "a file where the store should be");
	assert_int_equal(run("doctor"), 1);
	assert_non_null(strstr(out, "is not a folder"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(usage_and_errors), TEST(help_lists_what_is_taken), TEST(yaml_errors_have_a_place), TEST(the_posts_networks), TEST(describe_estimates_an_epoch),
		TEST(queue_runs_show_rm), TEST(show_has_results_and_curves), TEST(a_branch_outlives_its_parent),
		TEST(figures_for_people), TEST(curves_that_meet), TEST(bench_says_what_it_measures),
		TEST(summary_is_the_posts), TEST(the_posts_worked_examples), TEST(output_that_cannot_be_written),
		TEST(doctor_reports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
