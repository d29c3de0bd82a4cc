/* plan.c - from a graph to steps with memory.
 *
 * The timeline has a point for each step forward and, in training, one for each backward, in reverse. A buffer lives from its writer to
 * its last reader; cvt_pack places all of them. A dry plan stops there, so what it says is what a real one allocates. */
#include "nn/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "nn/gemm.h"
#include "nn/plan_private.h"

enum { HUGE_PAGE = 2 << 20 };

static void plan_free(struct cvt_plan *plan)
{
	if (!plan)
		return;
	if (!plan->shared)
		free(plan->memory);
	free(plan->steps);
	free(plan->places);
	free(plan->roots);
	free(plan->requires_grad);
	free(plan->buffers);
	free(plan->step_buffers);
	free(plan);
}

static int add_buffer(struct cvt_plan *plan, size_t bytes, int first, int last)
{
	if (plan->keep_all) {
		first = 0;
		last = 2 * plan->n_steps;
	}
	plan->buffers[plan->n_buffers] = (struct cvt_buffer){.bytes = bytes, .first = first, .last = last};
	return plan->n_buffers++;
}

static size_t output_bytes(const struct cvt_plan *plan, int node)
{
	const struct cvt_node *n = &plan->graph->nodes[node];
	return (size_t)plan->options.max_batch * (size_t)n->c * (size_t)n->h * (size_t)n->w * sizeof(float);
}

static struct cvt_root *root_of(const struct cvt_plan *plan, int node)
{
	return &plan->roots[plan->places[node].root];
}

static void extend(struct cvt_plan *plan, int buffer, int time)
{
	struct cvt_buffer *b = &plan->buffers[buffer];
	if (time < b->first)
		b->first = time;
	if (time > b->last)
		b->last = time;
}

static int partner_of(const struct cvt_plan *plan, const struct cvt_step *step)
{
	return (int)(step->partner - plan->steps);
}

/* A norm whose producer puts the maxima of what it reads where its y will be. */
static bool takes_maxima(const struct cvt_step *step)
{
	return step->node->ops == &cvt_norm_ops && step->hands & CVT_HANDS_POOLED;
}

/* Which outputs are not kept from forward to backward but made again: those whose producers all can, from inputs that are kept. */
static void find_remade(struct cvt_plan *plan)
{
	for (int s = 0; s < plan->n_steps; s++) {
		const struct cvt_step *step = &plan->steps[s];
		struct cvt_root *y = root_of(plan, step->last);
		bool can = plan->training && !plan->keep_all && step->node->ops->remakes && step->node->ops->remakes(step) &&
			plan->requires_grad[step->last] && !root_of(plan, step->input)->remade;
		y->remade = can && (y->value < 0 || y->remade);         /* value: a producer has been here before */
		y->value = 0;
	}
	for (int i = 0; i < plan->graph->n_nodes; i++)
		plan->roots[i].value = -1;
}

static void read_backward(struct cvt_plan *plan, struct cvt_root *root, int time)
{
	if (!root->remade)
		extend(plan, root->value, time);
	else if (root->again < 0)
		root->again = add_buffer(plan, plan->buffers[root->value].bytes, time, time);
	else
		extend(plan, root->again, time);
}

/* Outputs: alive from their first writer to their last reader, forward or backward. */
static void value_lifetimes(struct cvt_plan *plan)
{
	int input = plan->places[0].root;
	plan->roots[input].value = add_buffer(plan, output_bytes(plan, input), 0, 0);
	for (int s = 0; s < plan->n_steps; s++) {
		const struct cvt_step *step = &plan->steps[s];
		struct cvt_root *y = root_of(plan, step->last), *x = root_of(plan, step->input);
		int now = cvt_forward_time(plan, s);
		if (y->value < 0)
			y->value = add_buffer(plan, output_bytes(plan, plan->places[step->last].root), now, now);
		extend(plan, y->value, now);
		if (takes_maxima(step))
			extend(plan, y->value, cvt_forward_time(plan, partner_of(plan, step)));
		extend(plan, x->value, now);
		if (!plan->requires_grad[step->last])
			continue;
		if (step->backward_reads & CVT_READS_X)
			read_backward(plan, x, cvt_backward_time(plan, s));
		if (step->backward_reads & CVT_READS_Y)
			extend(plan, y->value, cvt_backward_time(plan, s));
	}
	for (int s = 0; s < plan->n_steps; s++) {
		const struct cvt_root *y = root_of(plan, plan->steps[s].last);
		plan->steps[s].remake_before = y->again < 0 ? -1 : 2 * plan->n_steps - 1 - plan->buffers[y->again].first;
	}
	/* the caller reads the logits, before backward or after */
	extend(plan, root_of(plan, plan->graph->n_nodes - 1)->value, 2 * plan->n_steps);
}

/* Where x is during backward. */
static int backward_buffer(const struct cvt_root *x)
{
	return x->again >= 0 ? x->again : x->value;
}

/* A norm whose producer makes dx itself, from x and dy: they are alive until then. */
static bool leaves_dx(const struct cvt_step *step)
{
	return step->node->ops == &cvt_norm_ops && step->hands & CVT_HANDS_DY;
}

/* May this step's backward put dx where x was? x has to be alive until then, and no longer; nobody may have written dx. */
static bool may_overwrite_x(const struct cvt_plan *plan, int s)
{
	const struct cvt_step *step = &plan->steps[s];
	const struct cvt_root *x = root_of(plan, step->input);
	return !plan->keep_all && step->node->ops->overwrites_x && x->grad < 0 &&
		plan->buffers[backward_buffer(x)].last == cvt_backward_time(plan, s);
}

/* Gradients of outputs: alive from the first that writes to the last step that reads them as its dy. */
static void gradient_lifetimes(struct cvt_plan *plan)
{
	struct cvt_root *logits = root_of(plan, plan->graph->n_nodes - 1);
	/* the caller writes d loss/d logits between forward and backward */
	logits->grad = add_buffer(plan, plan->buffers[logits->value].bytes, plan->n_steps - 1, plan->n_steps);
	for (int s = plan->n_steps - 1; s >= 0; s--) {
		struct cvt_step *step = &plan->steps[s];
		int now = cvt_backward_time(plan, s);
		if (!plan->requires_grad[step->last])
			continue;
		extend(plan, root_of(plan, step->last)->grad, now);
		if (!step->wants_dx || step->leader != step)
			continue;
		struct cvt_root *x = root_of(plan, step->input);
		if (leaves_dx(step)) {          /* to the producer, which makes it where x is, or needs no place for it */
			int then = cvt_backward_time(plan, partner_of(plan, step));
			x->grad = backward_buffer(x);
			extend(plan, x->grad, then);
			extend(plan, root_of(plan, step->last)->grad, then);
			continue;
		}
		step->dx_adds = x->grad >= 0;
		if (may_overwrite_x(plan, s))
			x->grad = backward_buffer(x);
		else if (x->grad < 0)
			x->grad = add_buffer(plan, plan->buffers[x->value].bytes, now, now);
		extend(plan, x->grad, now);
	}
}

/* [c][2] doubles and [c] floats, as set_views cuts them; the convolution's. */
static size_t sums_bytes(const struct cvt_step *step)
{
	return step->node->ops == &cvt_conv_ops && step->hands & CVT_HANDS_SUMS ? (size_t)step->y.c * (2 * sizeof(double) + sizeof(float)) : 0;
}

/* The last that reads what a step saved: its backward, or that of who makes its dx. */
static int saved_until(const struct cvt_plan *plan, int s)
{
	const struct cvt_step *step = &plan->steps[s];
	return cvt_backward_time(plan, leaves_dx(step) ? partner_of(plan, step) : s);
}

static void scratch_lifetimes(struct cvt_plan *plan)
{
	size_t workers = (size_t)plan->options.workers;
	for (int s = 0; s < plan->n_steps; s++) {
		const struct cvt_step *step = &plan->steps[s];
		int now = cvt_forward_time(plan, s), then = cvt_backward_time(plan, s), *b = plan->step_buffers[s];
		bool backward = plan->requires_grad[step->last];
		b[0] = add_buffer(plan, step->saved_bytes, now, backward ? saved_until(plan, s) : now);
		b[1] = add_buffer(plan, step->forward.shared_bytes, now, now);
		b[2] = add_buffer(plan, step->forward.worker_bytes * workers, now, now);
		b[3] = add_buffer(plan, backward ? step->backward.shared_bytes : 0, then, then);
		b[4] = add_buffer(plan, backward ? step->backward.worker_bytes * workers : 0, then, then);
		b[5] = add_buffer(plan, sums_bytes(step), now, sums_bytes(step) ? cvt_forward_time(plan, partner_of(plan, step)) : now);
	}
}

/* Shapes of the views; their data is added when there is memory. */
static struct cvt_tensor view(const struct cvt_plan *plan, int node, int buffer)
{
	const struct cvt_node *n = &plan->graph->nodes[node], *root = &plan->graph->nodes[plan->places[node].root];
	struct cvt_tensor t = {.c = n->c, .h = n->h, .w = n->w, .n = plan->options.max_batch,
		.image_stride = (ptrdiff_t)root->c * root->h * root->w};
	if (plan->memory && buffer >= 0)
		t.data = (float *)(plan->memory + plan->buffers[buffer].offset) + (ptrdiff_t)plan->places[node].channel * n->h * n->w;
	return t;
}

static size_t rounded(size_t bytes)
{
	return (bytes + CVT_BUFFER_ALIGNMENT - 1) / CVT_BUFFER_ALIGNMENT * CVT_BUFFER_ALIGNMENT;
}

/* x and y have shapes before ops->plan; addresses come with memory. */
static void set_views(struct cvt_plan *plan)
{
	for (int s = 0; s < plan->n_steps; s++) {
		struct cvt_step *step = &plan->steps[s];
		int x = step->input, y = step->last;
		step->x = view(plan, x, root_of(plan, x)->value);
		step->y = view(plan, y, root_of(plan, y)->value);
		step->dx = view(plan, x, step->wants_dx ? root_of(plan, x)->grad : -1);
		step->dy = view(plan, y, root_of(plan, y)->grad);
		step->forward_x = step->x.data;
		step->forward_y = step->y.data;
		step->backward_x = view(plan, x, backward_buffer(root_of(plan, x))).data;
		step->backward_y = view(plan, y, backward_buffer(root_of(plan, y))).data;
		if (!plan->memory)
			continue;
		void **pointers[5] = {&step->saved, &step->forward.shared, &step->forward.workers, &step->backward.shared,
			&step->backward.workers};
		for (int i = 0; i < 5; i++)
			*pointers[i] = plan->memory + plan->buffers[plan->step_buffers[s][i]].offset;
		if (step->hands & CVT_HANDS_SUMS) {
			int producer = step->node->ops == &cvt_conv_ops ? s : partner_of(plan, step);
			step->sums = (double *)(plan->memory + plan->buffers[plan->step_buffers[producer][5]].offset);
			step->pivot = (float *)(step->sums + (ptrdiff_t)2 * plan->steps[producer].y.c);
		}
	}
}

static int plan_allocate(struct cvt_plan *plan, const struct cvt_graph *graph, const struct cvt_plan_options *options, struct cvt_error *err)
{
	size_t n = (size_t)graph->n_nodes;
	*plan = (struct cvt_plan){.graph = graph, .options = *options, .training = options->flags & CVT_PLAN_TRAIN,
		.keep_all = options->flags & CVT_PLAN_KEEP_ALL, .kernels = cvt_kernels_get(options->isa)};
	plan->steps = calloc(n, sizeof *plan->steps);
	plan->places = calloc(n, sizeof *plan->places);
	plan->roots = calloc(n, sizeof *plan->roots);
	plan->requires_grad = calloc(n, sizeof *plan->requires_grad);
	plan->buffers = calloc(n * 9 + 2, sizeof *plan->buffers);
	plan->step_buffers = calloc(n, sizeof *plan->step_buffers);
	if (!plan->steps || !plan->places || !plan->roots || !plan->requires_grad || !plan->buffers || !plan->step_buffers)
		return cvt_fail(err, CVT_ERR_MEMORY, "out of memory for the plan of %d layers", graph->n_nodes);
	if (!plan->kernels)
		return cvt_fail(err, CVT_ERR_UNSUPPORTED, "this processor cannot run the instruction set that --isa asks for");
	return CVT_OK;
}

/* A whole plan but for its memory. */
static int plan_make(const struct cvt_graph *graph, const struct cvt_plan_options *options, struct cvt_plan **ret_plan, struct cvt_error *err)
{
	struct cvt_plan *plan = NULL;
	int *order = NULL;
	int status = cvt_graph_check(graph, err);
	if (status)
		return status;
	if (options->max_batch < 1 || options->workers < 1)
		return cvt_fail(err, CVT_ERR_RANGE, "a plan needs a batch and a thread of at least 1 (%d, %d)", options->max_batch, options->workers);
	plan = calloc(1, sizeof *plan);
	status = plan ? plan_allocate(plan, graph, options, err) : cvt_fail(err, CVT_ERR_MEMORY, "out of memory for a plan");
	if (status)
		goto out;
	cvt_plan_places(plan);
	for (int i = 0; i < graph->n_nodes; i++)
		plan->roots[i] = (struct cvt_root){.value = -1, .grad = -1, .again = -1};
	status = cvt_plan_fuse(plan, err);
	if (status)
		goto out;
	set_views(plan);
	for (int s = 0; s < plan->n_steps; s++) {
		struct cvt_step *step = &plan->steps[s];
		if (step->node->ops->plan)
			step->node->ops->plan(step);
		step->forward.worker_bytes = rounded(step->forward.worker_bytes);
		step->backward.worker_bytes = rounded(step->backward.worker_bytes);
	}
	find_remade(plan);
	value_lifetimes(plan);
	if (plan->training)
		gradient_lifetimes(plan);
	scratch_lifetimes(plan);
	order = calloc((size_t)plan->n_buffers, sizeof *order);
	if (!order) {
		status = cvt_fail(err, CVT_ERR_MEMORY, "out of memory for a plan");
		goto out;
	}
	plan->bytes = cvt_pack(plan->buffers, plan->n_buffers, order);
	*ret_plan = plan;
	plan = NULL;
out:
	free(order);
	plan_free(plan);
	return status;
}

static int64_t node_multiply_adds(const struct cvt_graph *g, const struct cvt_node *node)
{
	return node->ops->multiply_adds ? node->ops->multiply_adds(g, node) : 0;
}

int cvt_plan_dry(const struct cvt_graph *graph, const struct cvt_plan_options *options, bool with_momentum, struct cvt_plan_cost *ret_cost,
	struct cvt_node_cost *costs, struct cvt_error *err)
{
	struct cvt_plan *plan;
	int status = plan_make(graph, options, &plan, err);
	if (status)
		return status;
	struct cvt_plan_cost cost = {.workspace_bytes = (int64_t)plan->bytes,
		.model_bytes = (int64_t)cvt_graph_model_bytes(graph, plan->training, with_momentum)};
	for (int i = 0; i < graph->n_nodes; i++) {
		const struct cvt_node *node = &graph->nodes[i];
		cost.multiply_adds += node_multiply_adds(graph, node);
		if (costs)
			costs[i] = (struct cvt_node_cost){.multiply_adds = node_multiply_adds(graph, node), .kernel = "",
				.output_bytes = (int64_t)node->c * node->h * node->w * (int64_t)sizeof(float)};
	}
	for (int s = 0; costs && s < plan->n_steps; s++)
		if (plan->steps[s].node->ops->method)
			costs[plan->steps[s].index].kernel = plan->steps[s].node->ops->method(&plan->steps[s]);
	*ret_cost = cost;
	plan_free(plan);
	return CVT_OK;
}

/* Untouched pages cost nothing, so a larger block than a small batch needs does no harm. */
static int take_memory(struct cvt_plan *plan, struct cvt_error *err)
{
	struct cvt_plan *share = plan->options.share;
	if (share && share->bytes >= plan->bytes) {
		plan->shared = share;
		plan->memory = share->memory;
		return CVT_OK;
	}
	size_t room = (plan->bytes + HUGE_PAGE) / HUGE_PAGE * HUGE_PAGE;
	plan->memory = aligned_alloc(HUGE_PAGE, room);
	if (!plan->memory)
		return cvt_fail(err, CVT_ERR_MEMORY, "out of memory: a batch of %d needs %zu MB", plan->options.max_batch, plan->bytes >> 20);
	madvise(plan->memory, room, MADV_HUGEPAGE);         /* only a hint */
	return CVT_OK;
}

int cvt_plan_create(struct cvt_model *model, const struct cvt_plan_options *options, struct cvt_plan **ret_plan, struct cvt_error *err)
{
	struct cvt_plan *plan;
	int status = cvt_gemm_prepare(err);
	if (!status)
		status = plan_make(&model->graph, options, &plan, err);
	if (status)
		return status;
	status = take_memory(plan, err);
	if (status) {
		plan_free(plan);
		return status;
	}
	set_views(plan);
	*ret_plan = plan;
	return CVT_OK;
}

void cvt_plan_destroy(struct cvt_plan *plan)
{
	plan_free(plan);
}

int cvt_plan_steps(const struct cvt_plan *plan)
{
	return plan->n_steps;
}

_Static_assert((int)CVT_STEP_KINDS >= CVT_ABSORBED_MAX + 2, "a kind for each node of a step");

struct cvt_step_about cvt_plan_step_about(const struct cvt_plan *plan, int s)
{
	const struct cvt_step *step = &plan->steps[s];
	struct cvt_step_about about = {.node = step->index, .name = step->node->name,
		.kernel = step->node->ops->method ? step->node->ops->method(step) : ""};
	if (step->fetched)
		about.kinds[about.n_kinds++] = step->fetched->ops->name;
	about.kinds[about.n_kinds++] = step->node->ops->name;
	for (int i = 0; i < step->n_absorbed; i++)
		about.kinds[about.n_kinds++] = step->absorbed[i]->ops->name;
	for (const struct cvt_step *each = step; each && step->leader == step; each = each->joined)
		about.n_joined++;
	return about;
}

static struct cvt_tensor output(struct cvt_plan *plan, int node, bool grad)
{
	const struct cvt_root *root = root_of(plan, node);
	return view(plan, node, grad ? root->grad : root->value);
}

struct cvt_tensor cvt_plan_input(struct cvt_plan *plan)
{
	return output(plan, 0, false);
}

const float *cvt_plan_logits(const struct cvt_plan *plan)
{
	return output((struct cvt_plan *)plan, plan->graph->n_nodes - 1, false).data;
}

float *cvt_plan_logits_grad(struct cvt_plan *plan)
{
	return output(plan, plan->graph->n_nodes - 1, true).data;
}

struct cvt_tensor cvt_plan_output(struct cvt_plan *plan, int node)
{
	return output(plan, node, false);
}

struct cvt_tensor cvt_plan_output_grad(struct cvt_plan *plan, int node)
{
	return output(plan, node, true);
}

/* Points a step's views at this call: n pictures, and where x and y are in this direction. */
static void aim(struct cvt_step *step, int n, bool backward)
{
	step->x.n = step->y.n = step->dx.n = step->dy.n = n;
	step->x.data = backward ? step->backward_x : step->forward_x;
	step->y.data = backward ? step->backward_y : step->forward_y;
}

void cvt_plan_step_forward(struct cvt_plan *plan, int s, int n, const struct cvt_exec *exec)
{
	struct cvt_step *step = &plan->steps[s];
	if (step->leader != step)
		return;
	for (struct cvt_step *each = step; each; each = each->joined)
		aim(each, n, false);
	step->node->ops->forward(step, exec);
}

void cvt_plan_forward(struct cvt_plan *plan, int n, const struct cvt_exec *exec)
{
	for (int s = 0; s < plan->n_steps; s++) {
		double start = exec->times ? cvt_clock_monotonic() : 0;
		cvt_plan_step_forward(plan, s, n, exec);
		if (exec->times)
			exec->times[s].forward = cvt_clock_monotonic() - start;
	}
}

/* What was not kept, and is read from step s on. Producers of parts of a concat are several. */
static void remake(struct cvt_plan *plan, int s, int n, const struct cvt_exec *exec)
{
	for (int p = 0; p < s; p++) {
		struct cvt_step *step = &plan->steps[p];
		if (step->remake_before != s)
			continue;
		aim(step, n, true);
		step->node->ops->remake(step, exec);
	}
}

void cvt_plan_step_backward(struct cvt_plan *plan, int s, int n, const struct cvt_exec *exec)
{
	struct cvt_step *step = &plan->steps[s];
	if (!plan->requires_grad[step->last] || step->leader != step)
		return;
	remake(plan, s, n, exec);
	for (struct cvt_step *each = step; each; each = each->joined)
		aim(each, n, true);
	step->node->ops->backward(step, exec);
}

void cvt_plan_backward(struct cvt_plan *plan, int n, const struct cvt_exec *exec)
{
	for (int s = plan->n_steps - 1; s >= 0; s--) {
		double start = exec->times ? cvt_clock_monotonic() : 0;
		cvt_plan_step_backward(plan, s, n, exec);
		if (exec->times)
			exec->times[s].backward = cvt_clock_monotonic() - start;
	}
}
