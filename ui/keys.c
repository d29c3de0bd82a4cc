/* keys.c - the table of bindings. */
#include "keys.h"
#include "term/key.h"

static bool can_steer(const struct app *app)
{
	return app_alive(app);
}

static bool has_run(const struct app *app)
{
	return app->session != NULL;
}

static bool zoomed(const struct app *app)
{
	return app->session && !app->following;
}

static bool can_complete(const struct app *app)
{
	const struct cvt_option *option = form_option(app);
	return option && (option->type == CVT_TYPE_PATH || option->type == CVT_TYPE_CHOICE);
}

static const struct binding table[] = {
	{IN_FORM, KEY_RETURN, ACT_OPEN, "open", "open the field: then characters reach it; on Start: start", NULL},
	{IN_RUNS, KEY_RETURN, ACT_OPEN, "show", "show the run under the cursor on the charts", NULL},
	{IN_STEER, KEY_RETURN, ACT_OPEN, "change / send", "open the field; send what was changed", NULL},
	{IN_DIALOG, KEY_RETURN, ACT_OPEN, "choose", "take the choice under the cursor", NULL},
	{IN_TEXT, KEY_RETURN, ACT_CLOSE, "done", "close the field and keep its text", NULL},
	{IN_FIELD, KEY_TABULATOR, ACT_COMPLETE, "complete", "complete the name of a folder; the next choice", can_complete},
	{IN_TEXT, KEY_ESC, ACT_BACK, "undo", "close the field and forget its text", NULL},
	{IN_FORM, 'G', ACT_START, "start", "start a run as the form says, from anywhere", NULL},
	{IN_CHART | IN_RUNS, 'G', ACT_START, NULL, NULL, NULL},
	{IN_PANELS, ' ', ACT_PAUSE, "pause", "pause the run, or let it go on", can_steer},
	{IN_PANELS, 't', ACT_STEER, "steer", "change learning rate, epochs, patience ... while it trains", can_steer},
	{IN_PANELS, 's', ACT_CHECKPOINT, "save", "write a checkpoint after this batch", can_steer},
	{IN_PANELS, 'x', ACT_STOP, "stop", "stop the run: after the epoch, or now", can_steer},
	{IN_STEER, 'd', ACT_HALVE, "halve", "half of the value (sent as the number)", NULL},
	{IN_STEER, 'D', ACT_DOUBLE, "double", "twice the value (sent as the number)", NULL},
	{IN_PANELS, KEY_TABULATOR, ACT_NEXT, "next", "the next panel; Shift-Tab the one before", NULL},
	{IN_PANELS, KEY_BACK_TAB, ACT_PREVIOUS, NULL, NULL, NULL},
	{IN_CHART | IN_RUNS, 'n', ACT_TO_FORM, "new run", "to the form of the next run", NULL},
	{IN_CHART, '+', ACT_ZOOM_IN, "zoom", "zoom in; - out, 0 everything", has_run},
	{IN_CHART, '=', ACT_ZOOM_IN, NULL, NULL, has_run},
	{IN_CHART, '-', ACT_ZOOM_OUT, NULL, NULL, has_run},
	{IN_CHART, '0', ACT_ZOOM_ALL, "all", NULL, zoomed},
	{IN_CHART, '<', ACT_PAN_LEFT, NULL, "move the view left; > right", has_run},
	{IN_CHART, '>', ACT_PAN_RIGHT, NULL, NULL, has_run},
	{IN_CHART, 'f', ACT_FOLLOW, "follow", "follow the newest batch", zoomed},
	{IN_CHART, 'i', ACT_CROSSHAIR, "crosshair", "a crosshair on all charts; arrows move it", has_run},
	{IN_CHART, 'L', ACT_LOGARITHM, "log", "logarithmic loss", has_run},
	{IN_CHART, 'e', ACT_SMOOTHER, "smooth", "smoother curves; E rougher", has_run},
	{IN_CHART, 'E', ACT_ROUGHER, NULL, NULL, has_run},
	{IN_CHART, 'a', ACT_AXIS, "axis", "the axis below: pictures seen, epochs, time", has_run},
	{IN_PANELS, '/', ACT_FILTER, "filter", "filter: a b and, a|b or, !x not, /re/, lr>0.01, state:done", NULL},
	{IN_PANELS, 'b', ACT_BRANCH, "branch", "a run from its checkpoint (a tenth of the rate if it diverged)", has_run},
	{IN_HELP, KEY_ARROW_DOWN, ACT_DOWN, "scroll", NULL, NULL},
	{IN_ALL & ~IN_TEXT, KEY_ARROW_UP, ACT_UP, NULL, "the arrows move, Left is less, Right more; also h j k l", NULL},
	{IN_ALL & ~IN_TEXT & ~IN_HELP, KEY_ARROW_DOWN, ACT_DOWN, NULL, NULL, NULL},
	{IN_ALL & ~IN_TEXT, KEY_ARROW_LEFT, ACT_LEFT, NULL, NULL, NULL},
	{IN_ALL & ~IN_TEXT, KEY_ARROW_RIGHT, ACT_RIGHT, NULL, NULL, NULL},
	{IN_ALL & ~IN_TEXT, 'k', ACT_UP, NULL, NULL, NULL},
	{IN_ALL & ~IN_TEXT, 'j', ACT_DOWN, NULL, NULL, NULL},
	{IN_ALL & ~IN_TEXT, 'h', ACT_LEFT, NULL, NULL, NULL},
	{IN_ALL & ~IN_TEXT, 'l', ACT_RIGHT, NULL, NULL, NULL},
	{IN_FORM | IN_RUNS | IN_HELP, KEY_PAGE_UP, ACT_PAGE_UP, NULL, "ten rows up; PgDn down", NULL},
	{IN_FORM | IN_RUNS | IN_HELP, KEY_PAGE_DOWN, ACT_PAGE_DOWN, NULL, NULL, NULL},
	{IN_FORM | IN_RUNS | IN_HELP, KEY_TO_HOME, ACT_FIRST, NULL, "the first row; End the last", NULL},
	{IN_FORM | IN_RUNS | IN_HELP, KEY_TO_END, ACT_LAST, NULL, NULL, NULL},
	{IN_PANELS, '1', ACT_TRAIN, NULL, NULL, NULL},
	{IN_PANELS | IN_STEER, '?', ACT_HELP, "help", "this list", NULL},
	{IN_PANELS, KEY_ESC, ACT_BACK, NULL, "one layer out: field, panel, crosshair, filter", NULL},
	{IN_STEER | IN_DIALOG | IN_HELP, KEY_ESC, ACT_BACK, "back", NULL, NULL},
	{IN_PANELS | IN_STEER, 'q', ACT_LEAVE, "quit", "leave; a run that trains may go on", NULL},
	{IN_DIALOG | IN_HELP, 'q', ACT_BACK, NULL, NULL, NULL},
	{IN_HELP, '?', ACT_BACK, NULL, NULL, NULL},
	{IN_ALL, KEY_CTRL_C, ACT_LEAVE, NULL, "the same as q, also in a field", NULL},
	{IN_PANELS, 'M', ACT_MOUSE, NULL, "mouse on or off (off: the terminal's own selection)", NULL},
	{IN_ALL, KEY_CTRL_L, ACT_REPAINT, NULL, "draw the screen anew", NULL},
	{IN_ALL, KEY_CTRL_Z, ACT_SUSPEND, NULL, "suspend the screen (fg brings it back); training goes on", NULL},
	{0, 0, ACT_NONE, NULL, NULL, NULL},
};

const struct binding *keys_table(void)
{
	return table;
}

enum context keys_context(const struct app *app)
{
	switch (app->overlay) {
	case OVERLAY_HELP: return IN_HELP;
	case OVERLAY_STEER: return app->steer.open ? IN_STEER_FIELD : IN_STEER;
	case OVERLAY_QUIT: case OVERLAY_STOP: case OVERLAY_START: return IN_DIALOG;
	case OVERLAY_NONE: break;
	}
	if (app->filter_open) {
		return IN_FILTER;
	}
	return app->focus == FOCUS_FORM ? (app->form.open ? IN_FIELD : IN_FORM) : app->focus == FOCUS_RUNS ? IN_RUNS : IN_CHART;
}

enum action keys_action(const struct app *app, int key)
{
	enum context context = keys_context(app);
	for (const struct binding *b = table; b->action != ACT_NONE; b++) {
		if (b->key == key && (b->contexts & context) && (!b->enabled || b->enabled(app))) {
			return b->action;
		}
	}
	return ACT_NONE;
}

enum action keys_disabled(const struct app *app, int key)
{
	enum context context = keys_context(app);
	for (const struct binding *b = table; b->action != ACT_NONE; b++) {
		if (b->key == key && (b->contexts & context)) {
			return b->enabled && !b->enabled(app) ? b->action : ACT_NONE;
		}
	}
	return ACT_NONE;
}
