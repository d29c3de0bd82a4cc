/* post_results.c - the figures that the post prints.
 *
 * Source: "Image Classification with ConvNets" (2022-10-22), the two outputs under "accuracies on validation set". What it prints as
 * GoogLeNet's accuracy, 99.000, is the number of its last epoch (train_info[0][-1]), so there is no figure to set beside ours. */
#include <math.h>
#include <string.h>

#include "cli/post_results.h"

const struct post_result post_results[] = {
	{"3->16 FM total: 16", 95.789},
	{"3->6 FM total: 6", 90.376},
	{"3->9 FM total: 9", 93.233},
	{"3->16->29 FM total: 45", 98.797},
	{"3->6->12 FM total: 18", 98.647},
	{"3->9->27 FM total: 36", 99.098},
	{"3->16->29->42 FM total: 87", 98.496},
	{"3->6->12->24 FM total: 42", 98.496},
	{"3->9->27->81 FM total: 117", 98.496},
	{"3->16->29->42->55 FM total: 142", 99.398},
	{"3->6->12->24->36 FM total: 78", 99.398},
	{"3->9->27->81->94 FM total: 211", 99.699},
	{"VGG-11A", 99.398},
	{"VGG-13B", 99.549},
	{"VGG-16C", 99.098},
	{"VGG-16D", 98.647},
	{"VGG-19E", 98.496},
	{"GoogLeNet", NAN},
};
const int n_post_results = sizeof post_results / sizeof *post_results;

int post_result_index(const char *network)
{
	int i = 0;
	while (i < n_post_results && strcmp(post_results[i].network, network))
		i++;
	return i;
}
