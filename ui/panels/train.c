/* train.c - screen 1: the panels of the layout, and what lies over them. */
#include "layout.h"
#include "panels/panels.h"

static void draw(const struct app *app, enum panel panel, struct pane pane)
{
	switch (panel) {
	case PANEL_HEADER: panel_header(app, pane); break;
	case PANEL_FORM: panel_form(app, pane); break;
	case PANEL_LOSS: panel_chart(app, pane, false); break;
	case PANEL_ACCURACY: panel_chart(app, pane, true); break;
	case PANEL_FOCUSED: draw(app, app->focus == FOCUS_FORM ? PANEL_FORM : app->focus == FOCUS_ACCURACY ? PANEL_ACCURACY : PANEL_LOSS, pane); break;
	case PANEL_PROGRESS: panel_progress(app, pane); break;
	case PANEL_RUNS: panel_runs(app, pane); break;
	case PANEL_LOG: panel_log(app, pane); break;
	case PANEL_FOOTER: panel_footer(app, pane); break;
	case PANEL_LINE: panel_line(app, pane); break;
	case PANEL_NONE: break;
	}
}

void panel_train(const struct app *app, struct pane screen)
{
	const struct layout *layout = layout_for(screen.w, screen.h, app->focus);
	for (int i = 0; i < LAYOUT_PANELS && layout->places[i].panel != PANEL_NONE; i++) {
		draw(app, layout->places[i].panel, layout_pane(screen, &layout->places[i]));
	}
	if (layout_has(layout, PANEL_LINE) || app->overlay == OVERLAY_NONE) {
		return;
	}
	/* What lies above takes the cursor. The line of keys stays in sight. */
	screen.grid->cursor_x = screen.grid->cursor_y = -1;
	struct pane above = pane_sub(screen, 0, 0, screen.w, screen.h - 1);
	if (app->overlay == OVERLAY_HELP) {
		panel_help(app, above);
	} else if (app->overlay == OVERLAY_STEER) {
		panel_steer(app, above);
	} else {
		panel_dialog(app, above);
	}
}
