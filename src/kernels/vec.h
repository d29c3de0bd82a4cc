/* vec.h - vectors of floats whose width follows the instruction set; the only file of the kernels that knows one.
 *
 * A family is compiled once a set, with CVT_ISA_SUFFIX naming it and the compiler's flags allowing it. VL is the number of floats:
 * 16 (AVX-512), 8 (AVX2 and FMA), 4 (anything else: baseline x86-64, or another processor's 128-bit vectors). Wider GNU
 * vectors than the machine's are twenty times slower, so blocks are sized by VL and CVT_VECTOR_REGISTERS.
 *
 * a + b, a * b, a > b (a vi of 0 and -1) are the language's own; a * b + c becomes one fused instruction where there is one.
 * vf is 64-byte aligned at most as its size; pointers need that alignment only where a comment says aligned. */
#ifndef CVT_KERNELS_VEC_H
#define CVT_KERNELS_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define CVT_JOIN_(a, b) a##_##b
#define CVT_JOIN(a, b) CVT_JOIN_(a, b)
/* f_avx2: the name of a function of this instruction set that another source calls */
#define CVT_KERNEL_NAME(f) CVT_JOIN(f, CVT_ISA_SUFFIX)
/* The one function of a family that is not static. Declared here, for -Wmissing-prototypes, by the sole translation unit's table. */
#define CVT_KERNEL_INIT(family) CVT_KERNEL_NAME(cvt_##family##_init)

#ifdef CVT_ISA_SUFFIX
#ifdef CVT_KERNEL_FAMILIES
#define F(family) void CVT_KERNEL_INIT(family)(struct cvt_##family##_kernels *k);
CVT_KERNEL_FAMILIES(F)
#undef F
#endif

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#define VL 16
#define CVT_VECTOR_REGISTERS 32
#elif defined(__AVX2__) && defined(__FMA__)
#define VL 8
#define CVT_VECTOR_REGISTERS 16
#else
#define VL 4
#if defined(__aarch64__)
#define CVT_VECTOR_REGISTERS 32
#else
#define CVT_VECTOR_REGISTERS 16
#endif
#endif

/* `floats` from p on are wanted soon: lines of 64 bytes on their way to the second cache. Nothing happens where there is no memory. */
#define CVT_PREFETCH(p, floats) do { \
	for (int cvt_i = 0; cvt_i < (floats); cvt_i += 16) \
		__builtin_prefetch((p) + cvt_i, 0, 3); \
} while (0)

/* The same of floats that will be written. */
#define CVT_PREFETCH_PLACE(p, floats) do { \
	for (int cvt_i = 0; cvt_i < (floats); cvt_i += 16) \
		__builtin_prefetch((p) + cvt_i, 1, 3); \
} while (0)

#define CVT_INLINE static inline __attribute__((always_inline))
#define CVT_PHASE static __attribute__((noinline))     /* a part that a profile shows by its name */
/* Before a loop with a constant count: unrolled entirely, so that arrays of vectors become registers. */
#if defined(__clang__)
#define CVT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CVT_UNROLL _Pragma("GCC unroll 64")
#endif

typedef float vf __attribute__((vector_size(4 * VL)));
typedef float vfu __attribute__((vector_size(4 * VL), aligned(4)));   /* the same at any address */
typedef int32_t vi __attribute__((vector_size(4 * VL)));

CVT_INLINE vf vset(float a) { return (vf){0} + a; }
CVT_INLINE vf vzero(void) { return (vf){0}; }
CVT_INLINE vf vload(const float *p) { return *(const vf *)p; }              /* aligned */
CVT_INLINE vf vloadu(const float *p) { return *(const vfu *)p; }
CVT_INLINE void vstore(float *p, vf v) { *(vf *)p = v; }                    /* aligned */
CVT_INLINE void vstoreu(float *p, vf v) { *(vfu *)p = v; }

/* The first n lanes, 0 <= n <= VL, and zeros: nothing behind them is touched, as a page may end there. */
CVT_INLINE vf vload_n(const float *p, int n);
CVT_INLINE void vstore_n(float *p, vf v, int n);
/* Lanes from to to-1 (0 <= from <= to <= VL); the others are zero, or left alone in memory. p is where lane 0 would be. */
CVT_INLINE vf vload_range(const float *p, int from, int to);
CVT_INLINE void vstore_range(float *p, vf v, int from, int to);
/* Past the caches: for large outputs that are read much later. Aligned. vstream_fence before the kernel returns. */
CVT_INLINE void vstream(float *p, vf v);
CVT_INLINE void vstream_fence(void);
/* b wherever one of the two is not a number: vmax(zero, x) lets NaN through, as PyTorch's ReLU does. */
CVT_INLINE vf vmax(vf a, vf b);
CVT_INLINE vf vmin(vf a, vf b);
CVT_INLINE vf vselect(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }   /* mask: lanes of 0 or -1 */
CVT_INLINE vf vrelu(vf a) { return vmax(vzero(), a); }

/* A mask of lanes, in registers of its own where the machine has them: a > b; a where it is set, b elsewhere; a or 0; 0 or a.
 * vmasku: the same in memory, at any address. */
#if VL == 16
typedef __mmask16 vmask, vmasku;
CVT_INLINE vmask vgreater(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_GT_OQ); }
CVT_INLINE vf vpick(vmask m, vf a, vf b) { return (vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a); }
CVT_INLINE vf vkeep(vmask m, vf a) { return (vf)_mm512_maskz_mov_ps(m, (__m512)a); }
CVT_INLINE vf vdrop(vmask m, vf a) { return (vf)_mm512_maskz_mov_ps((vmask)~m, (__m512)a); }
#else
typedef vi vmask;
typedef int32_t vmasku __attribute__((vector_size(4 * VL), aligned(4)));
CVT_INLINE vmask vgreater(vf a, vf b) { return a > b; }
CVT_INLINE vf vpick(vmask m, vf a, vf b) { return vselect(m, a, b); }
CVT_INLINE vf vkeep(vmask m, vf a) { return (vf)(m & (vi)a); }
CVT_INLINE vf vdrop(vmask m, vf a) { return (vf)(~m & (vi)a); }
#endif

#if VL == 16
CVT_INLINE vf vload_n(const float *p, int n) { return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
CVT_INLINE void vstore_n(float *p, vf v, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v); }
CVT_INLINE __mmask16 vmask_range(int from, int to) { return (__mmask16)((1u << to) - (1u << from)); }
CVT_INLINE vf vload_range(const float *p, int from, int to) { return (vf)_mm512_maskz_loadu_ps(vmask_range(from, to), p); }
CVT_INLINE void vstore_range(float *p, vf v, int from, int to) { _mm512_mask_storeu_ps(p, vmask_range(from, to), (__m512)v); }
CVT_INLINE void vstream(float *p, vf v) { _mm512_stream_ps(p, (__m512)v); }
CVT_INLINE vf vmax(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
CVT_INLINE vf vmin(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
#elif VL == 8
CVT_INLINE __m256i vmask_n(int n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
CVT_INLINE vf vload_n(const float *p, int n) { return (vf)_mm256_maskload_ps(p, vmask_n(n)); }
CVT_INLINE void vstore_n(float *p, vf v, int n) { _mm256_maskstore_ps(p, vmask_n(n), (__m256)v); }
CVT_INLINE __m256i vmask_range(int from, int to) { return _mm256_andnot_si256(vmask_n(from), vmask_n(to)); }
CVT_INLINE vf vload_range(const float *p, int from, int to) { return (vf)_mm256_maskload_ps(p, vmask_range(from, to)); }
CVT_INLINE void vstore_range(float *p, vf v, int from, int to) { _mm256_maskstore_ps(p, vmask_range(from, to), (__m256)v); }
CVT_INLINE void vstream(float *p, vf v) { _mm256_stream_ps(p, (__m256)v); }
CVT_INLINE vf vmax(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
CVT_INLINE vf vmin(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
#else
CVT_INLINE vf vload_n(const float *p, int n)
{
	vf v = vzero();
	if (n == VL)
		return vloadu(p);
	for (int i = 0; i < n; i++)
		v[i] = p[i];
	return v;
}
CVT_INLINE void vstore_n(float *p, vf v, int n)
{
	if (n == VL)
		vstoreu(p, v);
	else
		for (int i = 0; i < n; i++)
			p[i] = v[i];
}
CVT_INLINE vf vload_range(const float *p, int from, int to)
{
	vf v = vzero();
	if (from == 0 && to == VL)
		return vloadu(p);
	for (int i = from; i < to; i++)
		v[i] = p[i];
	return v;
}
CVT_INLINE void vstore_range(float *p, vf v, int from, int to)
{
	if (from == 0 && to == VL)
		vstoreu(p, v);
	else
		for (int i = from; i < to; i++)
			p[i] = v[i];
}
#if defined(__SSE2__)
CVT_INLINE void vstream(float *p, vf v) { _mm_stream_ps(p, (__m128)v); }
CVT_INLINE vf vmax(vf a, vf b) { return (vf)_mm_max_ps((__m128)a, (__m128)b); }
CVT_INLINE vf vmin(vf a, vf b) { return (vf)_mm_min_ps((__m128)a, (__m128)b); }
#else
CVT_INLINE void vstream(float *p, vf v) { vstore(p, v); }
CVT_INLINE vf vmax(vf a, vf b) { return vselect(a > b, a, b); }
CVT_INLINE vf vmin(vf a, vf b) { return vselect(a < b, a, b); }
#endif
#endif

#if defined(__SSE2__)
CVT_INLINE void vstream_fence(void) { _mm_sfence(); }
#else
CVT_INLINE void vstream_fence(void) { }
#endif

typedef double vd __attribute__((vector_size(4 * VL)));
typedef float vhalf __attribute__((vector_size(2 * VL)));

/* The sum of the lanes, in double: halves are added to halves, as one after another would wait for each other. */
CVT_INLINE double vsum(vf a)
{
	vhalf half[2];
	memcpy(half, &a, sizeof a);
	vd sum = __builtin_convertvector(half[0], vd) + __builtin_convertvector(half[1], vd);
	double lanes[VL / 2];
	memcpy(lanes, &sum, sizeof sum);
	CVT_UNROLL
	for (int n = VL / 4; n; n /= 2)
		CVT_UNROLL
		for (int i = 0; i < n; i++)
			lanes[i] += lanes[i + n];
	return lanes[0];
}

/* sum[0..VL-1] += the lanes, in double. Aligned. */
CVT_INLINE void vadd_to_doubles(double *sum, vf a)
{
	vhalf half[2];
	memcpy(half, &a, sizeof a);
	((vd *)sum)[0] += __builtin_convertvector(half[0], vd);
	((vd *)sum)[1] += __builtin_convertvector(half[1], vd);
}

/* vstore_range for a `from` that is a multiple of 4. AVX2's masked stores take tens of cycles on some processors; four floats do not. */
CVT_INLINE void vstore_fours(float *p, vf v, int from, int to)
{
#if VL == 16
	vstore_range(p, v, from, to);
#else
	float lanes[VL] __attribute__((aligned(64)));
	int i = from;
	vstore(lanes, v);
	for (; i + 4 <= to; i += 4)
		memcpy(p + i, lanes + i, 4 * sizeof *p);
	for (; i < to; i++)
		p[i] = lanes[i];
#endif
}

#define VSHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

/* Of two vectors a0 a1 ..., b0 b1 ...: a0 b0 a1 b1 ... in *lo, *hi. */
CVT_INLINE void vinterleave2(vf a, vf b, vf *lo, vf *hi)
{
#if VL == 16
	*lo = VSHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
	*hi = VSHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif VL == 8
	vf l = VSHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13), h = VSHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
	*lo = VSHUFFLE(l, h, 0, 1, 2, 3, 8, 9, 10, 11);
	*hi = VSHUFFLE(l, h, 4, 5, 6, 7, 12, 13, 14, 15);
#else
	*lo = VSHUFFLE(a, b, 0, 4, 1, 5);
	*hi = VSHUFFLE(a, b, 2, 6, 3, 7);
#endif
}

/* Back: of 2 VL consecutive floats, those of even place and those of odd place. */
CVT_INLINE void vdeinterleave2(vf lo, vf hi, vf *even, vf *odd)
{
#if VL == 16
	*even = VSHUFFLE(lo, hi, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
	*odd = VSHUFFLE(lo, hi, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif VL == 8
	vf l = VSHUFFLE(lo, hi, 0, 1, 2, 3, 8, 9, 10, 11), h = VSHUFFLE(lo, hi, 4, 5, 6, 7, 12, 13, 14, 15);
	*even = VSHUFFLE(l, h, 0, 2, 8, 10, 4, 6, 12, 14);
	*odd = VSHUFFLE(l, h, 1, 3, 9, 11, 5, 7, 13, 15);
#else
	*even = VSHUFFLE(lo, hi, 0, 2, 4, 6);
	*odd = VSHUFFLE(lo, hi, 1, 3, 5, 7);
#endif
}

/* Lane i is lane place[i] of a and b one after the other. */
CVT_INLINE vf vpermute2(vf a, vf b, vi place)
{
#if defined(__clang__)
	vf r;
	CVT_UNROLL
	for (int i = 0; i < VL; i++)
		r[i] = place[i] < VL ? a[place[i]] : b[place[i] - VL];
	return r;
#else
	return __builtin_shuffle(a, b, place);
#endif
}

/* Moved up by a lane, the last of `before` coming in; moved down by one, the first of `next` coming in. */
CVT_INLINE vf vshift_in(vf before, vf a)
{
#if VL == 16
	return VSHUFFLE(before, a, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
#elif VL == 8
	return VSHUFFLE(before, a, 7, 8, 9, 10, 11, 12, 13, 14);
#else
	return VSHUFFLE(before, a, 3, 4, 5, 6);
#endif
}
CVT_INLINE vf vshift_out(vf a, vf next)
{
#if VL == 16
	return VSHUFFLE(a, next, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
#elif VL == 8
	return VSHUFFLE(a, next, 1, 2, 3, 4, 5, 6, 7, 8);
#else
	return VSHUFFLE(a, next, 1, 2, 3, 4);
#endif
}

/* Of 2 VL consecutive floats in groups of 4: the first two of each group, and the last two. */
CVT_INLINE void vpairs(vf a, vf b, vf *first, vf *last)
{
#if VL == 16
	*first = VSHUFFLE(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29);
	*last = VSHUFFLE(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
#elif VL == 8
	vf l = VSHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11), h = VSHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
	vf f = VSHUFFLE(l, h, 0, 1, 8, 9, 4, 5, 12, 13), s = VSHUFFLE(l, h, 2, 3, 10, 11, 6, 7, 14, 15);
	*first = f;
	*last = s;
#else
	*first = VSHUFFLE(a, b, 0, 1, 4, 5);
	*last = VSHUFFLE(a, b, 2, 3, 6, 7);
#endif
}

/* 4 x 4 transposes inside each 128-bit lane: four vectors of VL / 4 groups of 4 floats become four of their first, second, third and
 * fourth floats. Lane order: group g of vector v lands at lane 4 g + v. Its own inverse. */
CVT_INLINE void vtranspose4(vf r[4])
{
#if VL == 16
	vf a = VSHUFFLE(r[0], r[1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
	vf b = VSHUFFLE(r[0], r[1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
	vf c = VSHUFFLE(r[2], r[3], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
	vf d = VSHUFFLE(r[2], r[3], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
	r[0] = VSHUFFLE(a, c, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
	r[1] = VSHUFFLE(a, c, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
	r[2] = VSHUFFLE(b, d, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
	r[3] = VSHUFFLE(b, d, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
#elif VL == 8
	vf a = VSHUFFLE(r[0], r[1], 0, 8, 1, 9, 4, 12, 5, 13), b = VSHUFFLE(r[0], r[1], 2, 10, 3, 11, 6, 14, 7, 15);
	vf c = VSHUFFLE(r[2], r[3], 0, 8, 1, 9, 4, 12, 5, 13), d = VSHUFFLE(r[2], r[3], 2, 10, 3, 11, 6, 14, 7, 15);
	r[0] = VSHUFFLE(a, c, 0, 1, 8, 9, 4, 5, 12, 13);
	r[1] = VSHUFFLE(a, c, 2, 3, 10, 11, 6, 7, 14, 15);
	r[2] = VSHUFFLE(b, d, 0, 1, 8, 9, 4, 5, 12, 13);
	r[3] = VSHUFFLE(b, d, 2, 3, 10, 11, 6, 7, 14, 15);
#else
	vf a = VSHUFFLE(r[0], r[1], 0, 4, 1, 5), b = VSHUFFLE(r[0], r[1], 2, 6, 3, 7);
	vf c = VSHUFFLE(r[2], r[3], 0, 4, 1, 5), d = VSHUFFLE(r[2], r[3], 2, 6, 3, 7);
	r[0] = VSHUFFLE(a, c, 0, 1, 4, 5);
	r[1] = VSHUFFLE(a, c, 2, 3, 6, 7);
	r[2] = VSHUFFLE(b, d, 0, 1, 4, 5);
	r[3] = VSHUFFLE(b, d, 2, 3, 6, 7);
#endif
}

/* r[i][j] becomes r[j][i], VL x VL, in registers: 4 x 4 inside the 128-bit lanes, then the lanes themselves. */
CVT_INLINE void vtranspose(vf r[VL])
{
#if VL == 4
	vtranspose4(r);
#elif VL == 8
	vtranspose4(r);
	vtranspose4(r + 4);
	CVT_UNROLL
	for (int i = 0; i < 4; i++) {
		vf a = r[i], b = r[i + 4];
		r[i] = VSHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
		r[i + 4] = VSHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
	}
#else
	CVT_UNROLL
	for (int i = 0; i < 16; i += 4)
		vtranspose4(r + i);
	CVT_UNROLL
	for (int i = 0; i < 4; i++) {
		vf a = r[i], b = r[i + 4], c = r[i + 8], d = r[i + 12];
		vf e = VSHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
		vf f = VSHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
		vf g = VSHUFFLE(c, d, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
		vf h = VSHUFFLE(c, d, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
		r[i] = VSHUFFLE(e, g, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
		r[i + 8] = VSHUFFLE(e, g, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
		r[i + 4] = VSHUFFLE(f, h, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
		r[i + 12] = VSHUFFLE(f, h, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
	}
#endif
}

#endif /* CVT_ISA_SUFFIX */
#endif
