/* state.h - everything the dashboard knows between two frames. Drawing reads it, actions change it. One thread: the
 * worker has its own memory and hands over copies. */
#ifndef UI_STATE_H
#define UI_STATE_H

#include "app.h"
#include "convtui/model.h"
#include "convtui/session.h"
#include "edit.h"
#include "filter.h"
#include "follow.h"
#include "layout.h"
#include "widgets/grid.h"
#include "worker.h"

enum overlay { OVERLAY_NONE, OVERLAY_HELP, OVERLAY_STEER, OVERLAY_QUIT, OVERLAY_STOP, OVERLAY_START };

struct cost {                            /* what the form's choice means */
	bool known;
	struct cvt_description what;
	struct cvt_error error;              /* when not known */
};
struct form {
	struct cvt_config config;
	int row;                             /* among the rows that apply; their number: the Start button */
	bool open, touched;                  /* a row was changed here: no run's options replace it */
	bool branched;                       /* the initial weights are a run's checkpoint, until the next start */
	struct edit edit;
	struct cvt_error error;              /* of the open text, or of the last start; code 0: none */
	struct cost cost;
	struct cvt_config cost_of;           /* what cost was computed for, and for how many classes */
	int cost_classes;
	struct dataset_facts facts;          /* of config.data; facts.data differs while the worker looks */
};
struct steer {
	int row;                             /* among the rows that can be steered */
	bool open, changed[64];              /* by row of the option table: draft differs from what is in force */
	struct edit edit;
	struct cvt_config draft, in_force;
	struct cvt_error error;
};
enum { MAX_PENDING = 16, MAX_NOTES = 64, NOTE_TIME = 20 /* bytes: "2026-11-27 19:31:35 " */ };
struct pending { char id[24], name[24], value[64]; };

struct app {
	struct app_options options;
	char store[1024];
	enum glyphs glyphs;
	int width, height;
	bool leaving, dirty, mouse, repaint;
	int exit_code;
	double now;                          /* monotonic, seconds */
	double wall;
	struct worker *worker;

	/* The run that is followed. */
	struct cvt_session *session;
	struct follow follow;
	unsigned seen_generation;
	struct cvt_config run_config;        /* its config.yaml, where it could be read */
	bool run_config_known;
	bool tail;                           /* when it has ended, the run that trains next is followed */
	struct pending pending[MAX_PENDING];
	int n_pending;

	/* All runs, oldest first. */
	struct cvt_run *runs;
	int n_runs;
	bool listed, chose_run;              /* the store has been read once; a run to follow was chosen at the start */
	char cursor_run[96];                 /* the row under the cursor, by name */
	char filter_text[256], filter_error[160];
	struct ui_filter *filter;            /* NULL while the text is empty or cannot be read */
	bool filter_open;
	struct edit filter_edit;
	struct ui_rates rates;               /* how fast past runs trained here */

	char last_waiting[96];               /* the newest run created here to start after another */

	enum focus focus;
	enum overlay overlay;
	int choice, scroll;                  /* row of a dialog; first line of help */
	struct form form;
	struct steer steer;
	bool logarithmic, crosshair, following;
	double view_x0, view_x1;             /* when not following */
	double cross_x;
	struct axis_range y_loss, y_accuracy;
	double load;
	char notes[MAX_NOTES][256];          /* what this program has to say, a time before it; the newest is notes[(n_notes - 1) % MAX_NOTES] */
	int n_notes;
	bool note_is_error;
	double note_time;
	bool pasting;                        /* between the marks of a paste, or until no key comes for a while */
	double paste_pause;                  /* since when none has come; 0: one came since the last tick */
};

/* Says something in the log and, for some seconds, above the keys. */
void app_note(struct app *app, bool error, const char *format, ...) CVT_PRINTF(3, 4);
/* Follows the run in the folder, or says why it cannot. */
void app_attach(struct app *app, const char *folder);
/* The followed run's live page, or NULL. */
const struct cvt_live *app_live(const struct app *app);
bool app_alive(const struct app *app);
/* Any run that has a runner; NULL: none. */
const struct cvt_run *app_any_alive(const struct app *app);
void app_set_filter(struct app *app, const char *text);
void app_command(struct app *app, const char *name, const char *value);
/* The chart's x range now. */
void app_x_range(const struct app *app, double *ret_x0, double *ret_x1);
/* The app for the run store and run of the options; it is big: allocate it. After a failure app_finish is due all the same. */
CVT_NODISCARD int app_init(struct app *app, const struct app_options *options, bool threaded, struct cvt_error *err);
void app_finish(struct app *app);
/* Without threads: does all that waits now. */
void app_settle(struct app *app);
/* What happens when time passes: rows, lists. True: something changed. */
bool app_tick(struct app *app);
void app_draw(struct app *app, struct grid *grid);
void app_key(struct app *app, int key);

/* Rows of the form that apply, as rows of the option table. Returns how many. */
int form_rows(const struct cvt_config *config, int rows[64]);
/* The row under the form's cursor, which an open field is of; NULL: the Start button. */
const struct cvt_option *form_option(const struct app *app);
/* What differs from the defaults in `run` becomes the form's, unless a person has changed the form. */
void form_adopt(struct app *app, const struct cvt_config *run);
/* Fills the form with what is in force in the run shown, to start from its checkpoint; a tenth of the rate where it diverged. Or says why not. */
void form_branch(struct app *app);
void form_update_cost(struct app *app);
void form_start(struct app *app);                          /* asks when a run is alive, else starts */
void form_start_now(struct app *app, int how);             /* 0 after the live one, 1 beside it, 2 stop it first */
int steer_rows(int rows[64]);
/* The settings of the run shown with all that was steered before a batch; INT64_MAX: up to now. */
struct cvt_config steer_in_force(const struct app *app, int64_t batch);
/* False: the run has ended, which is said, with what can be done. */
bool steer_possible(struct app *app);
void steer_open(struct app *app);
void steer_refresh(struct app *app);
void steer_send(struct app *app);
/* The rows of the table that pass the filter, newest first. The caller's (free). */
const struct cvt_run **runs_shown(const struct app *app, int *ret_n);

#endif
