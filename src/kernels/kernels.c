/* kernels.c - fills the table of each instruction set, once, and hands out the one that the machine can run. */
#include "kernels/kernels.h"

#include <pthread.h>
#include <stddef.h>

#if defined(__x86_64__)
#define CVT_ISAS(I) I(baseline, CVT_ISA_BASELINE, 4, "x86-64") I(avx2, CVT_ISA_AVX2, 8, "avx2") I(avx512, CVT_ISA_AVX512, 16, "avx512")
#else
#define CVT_ISAS(I) I(baseline, CVT_ISA_BASELINE, 4, "baseline")
#endif

#define F(family) void CVT_INIT_OF(family)(struct cvt_##family##_kernels *k);
#define CVT_INIT_OF(family) cvt_##family##_init_baseline
CVT_KERNEL_FAMILIES(F)
#undef CVT_INIT_OF
#if defined(__x86_64__)
#define CVT_INIT_OF(family) cvt_##family##_init_avx2
CVT_KERNEL_FAMILIES(F)
#undef CVT_INIT_OF
#define CVT_INIT_OF(family) cvt_##family##_init_avx512
CVT_KERNEL_FAMILIES(F)
#undef CVT_INIT_OF
#endif
#undef F

static struct cvt_kernels tables[CVT_ISA_AVX512 + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define F_baseline(family) cvt_##family##_init_baseline(&k->family);
#define F_avx2(family) cvt_##family##_init_avx2(&k->family);
#define F_avx512(family) cvt_##family##_init_avx512(&k->family);

#define I(suffix, isa_, length, name_) \
	static void fill_##suffix(void) \
	{ \
		struct cvt_kernels *k = &tables[isa_]; \
		k->isa = isa_; \
		k->vector_length = length; \
		k->name = name_; \
		CVT_KERNEL_FAMILIES(F_##suffix) \
	}
CVT_ISAS(I)
#undef I

static void fill_all(void)
{
#define I(suffix, isa_, length, name_) fill_##suffix();
	CVT_ISAS(I)
#undef I
}

static int machine_has(int isa)
{
	switch (isa) {
	case CVT_ISA_BASELINE:
		return 1;
#if defined(__x86_64__)
	case CVT_ISA_AVX2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	case CVT_ISA_AVX512:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
#endif
	default:
		return 0;
	}
}

const struct cvt_kernels *cvt_kernels_get(int isa)
{
	if (isa == CVT_ISA_AUTO) {
		isa = CVT_ISA_AVX512;
		while (!machine_has(isa))
			isa--;
	}
	if (!machine_has(isa))
		return NULL;
	pthread_once(&once, fill_all);
	return &tables[isa];
}
