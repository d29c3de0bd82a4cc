/* panels.h - the parts of a screen: functions of what the app knows that draw into a pane. */
#ifndef UI_PANELS_H
#define UI_PANELS_H

#include "state.h"

void panel_train(const struct app *app, struct pane screen);         /* screen 1 whole */
void panel_header(const struct app *app, struct pane pane);
void panel_progress(const struct app *app, struct pane pane);
void panel_footer(const struct app *app, struct pane pane);
void panel_line(const struct app *app, struct pane pane);            /* everything in one line, for tiny windows */
void panel_form(const struct app *app, struct pane pane);
void panel_chart(const struct app *app, struct pane pane, bool accuracy);
void panel_runs(const struct app *app, struct pane pane);
void panel_log(const struct app *app, struct pane pane);
void panel_help(const struct app *app, struct pane screen);
void panel_steer(const struct app *app, struct pane screen);
void panel_dialog(const struct app *app, struct pane screen);
/* The choices of the open dialog; NULL-terminated. */
const char *const *dialog_choices(const struct app *app);
int help_lines(void);
/* Bounds of both charts for what is shown now; before drawing. */
void charts_fit(struct app *app);
/* Without the year, where the name starts with a date: still a part that names the run alone. */
const char *short_run(const char *name);
/* The word for a run's state and how it looks. */
enum cell_meaning state_meaning(enum cvt_state state);

#endif
