/* post_results.h - what the post reports of its networks. */
#ifndef CVT_UI_CLI_POST_RESULTS_H
#define CVT_UI_CLI_POST_RESULTS_H

/* In the order in which the post prints them. accuracy: validation, per cent; NaN where the post has none. */
struct post_result { const char *network; double accuracy; };
extern const struct post_result post_results[];
extern const int n_post_results;
/* The place in post_results of a run's label, n_post_results when the post has no such network. */
int post_result_index(const char *network);

#endif
