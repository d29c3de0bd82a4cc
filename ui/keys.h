/* keys.h - the one table of bindings: it drives what a key does, the line of keys below, and help. */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include "state.h"

enum context {                           /* bits: a binding may hold in several */
	IN_FORM = 1, IN_FIELD = 2, IN_CHART = 4, IN_RUNS = 8, IN_FILTER = 16, IN_STEER = 32, IN_STEER_FIELD = 64, IN_DIALOG = 128, IN_HELP = 256,
	IN_PANELS = IN_FORM | IN_CHART | IN_RUNS,
	IN_TEXT = IN_FIELD | IN_FILTER | IN_STEER_FIELD,          /* characters reach a field */
	IN_ALL = 511
};
enum action {
	ACT_NONE, ACT_LEAVE, ACT_HELP, ACT_NEXT, ACT_PREVIOUS, ACT_UP, ACT_DOWN, ACT_LEFT, ACT_RIGHT, ACT_PAGE_UP, ACT_PAGE_DOWN, ACT_FIRST, ACT_LAST,
	ACT_OPEN, ACT_CLOSE, ACT_START, ACT_PAUSE, ACT_STEER, ACT_CHECKPOINT, ACT_STOP, ACT_FILTER, ACT_BACK, ACT_TRAIN,
	ACT_ZOOM_IN, ACT_ZOOM_OUT, ACT_PAN_LEFT, ACT_PAN_RIGHT, ACT_ZOOM_ALL, ACT_FOLLOW, ACT_CROSSHAIR, ACT_LOGARITHM, ACT_SMOOTHER, ACT_ROUGHER,
	ACT_AXIS, ACT_HALVE, ACT_DOUBLE, ACT_COMPLETE, ACT_MOUSE, ACT_REPAINT, ACT_SUSPEND, ACT_TO_FORM, ACT_BRANCH
};

struct binding {
	unsigned contexts;
	int key;
	enum action action;
	const char *label;                   /* in the line of keys; NULL: not there */
	const char *help;                    /* NULL: another key of the action has it */
	bool (*enabled)(const struct app *app);      /* NULL: always */
};

enum context keys_context(const struct app *app);
/* The bindings, in the order of help; ends in a row with the action ACT_NONE. */
const struct binding *keys_table(void);
/* ACT_NONE: the key means nothing here (in a text context it may be a character). */
enum action keys_action(const struct app *app, int key);
/* What the key would do here if it were enabled; ACT_NONE when it is, or means nothing. */
enum action keys_disabled(const struct app *app, int key);
/* Carries it out. */
void app_act(struct app *app, enum action action);

#endif
