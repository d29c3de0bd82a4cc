/* filter.h - which runs a line of text selects: `a b` both, `a|b` either, `!x` not, `/re/`, `lr>0.01`, `arch:vgg`.
 *
 * A word is looked for in the run's name, network and state, whatever the case. KEY:TEXT looks in one of run, network, state, arch,
 * reason; another KEY is an error. KEY and one of < <= > >= = != compares a number: lr batch epochs epoch parameters loss train val
 * val-loss best seconds speed threads; unknown numbers fit nothing. A /regular expression/ may hold spaces and bars. */
#ifndef CVT_UI_FILTER_H
#define CVT_UI_FILTER_H

#include "convtui/store.h"

struct ui_filter;
/* NULL: the text cannot be read (message, one line, says why) or no memory. "" selects everything. Free with ui_filter_destroy. */
struct ui_filter *ui_filter_create(const char *text, char *message, size_t size);
void ui_filter_destroy(struct ui_filter *filter);
bool ui_filter_fits(const struct ui_filter *filter, const struct cvt_run *run);
/* "cnn", "vgg-a", "googlenet": the architecture of a label of the post. */
const char *ui_filter_arch(const char *network);

#endif
