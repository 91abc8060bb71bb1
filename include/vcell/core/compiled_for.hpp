#pragma once

// VCELL_COMPILED_FOR: a name for the instructions that the compiler may use in this file: x86_sse2
// or arm, x86_v2 to x86_v4 (the levels of the x86-64 psABI), and what there is beyond that, as in
// x86_v3_avxvnni. With AddressSanitizer it ends in _asan, since the memory cache then does more.
//
// It is composed of the compiler's own macros. nvcc has them from the host's compiler in the pass
// for the device as well, so both passes see one name.

// The word where the macro is defined as 1, else nothing: a 1 becomes one more argument in front,
// which makes the word the second.
#define VCELL_WORD(macro, word) VCELL_WORD_BY(macro, word)
#define VCELL_WORD_BY(value, word) VCELL_WORD_PICK(VCELL_WORD_AFTER_##value word, , )
#define VCELL_WORD_AFTER_1 ,
#define VCELL_WORD_PICK(...) VCELL_WORD_SECOND(__VA_ARGS__)
#define VCELL_WORD_SECOND(first, second, ...) second

#define VCELL_JOIN(a, b, c, d, e, f, g, h, i) VCELL_JOIN_WORDS(a, b, c, d, e, f, g, h, i)
#define VCELL_JOIN_WORDS(a, b, c, d, e, f, g, h, i) a##b##c##d##e##f##g##h##i

#if defined(__x86_64__) || defined(__i386__)

#define VCELL_WORDS_V2                                                      \
  VCELL_JOIN(VCELL_WORD(__SSE2__, _sse2), VCELL_WORD(__SSE3__, _sse3),      \
             VCELL_WORD(__SSSE3__, _ssse3), VCELL_WORD(__SSE4_1__, _sse41), \
             VCELL_WORD(__SSE4_2__, _sse42), VCELL_WORD(__POPCNT__, _popcnt), , , )
#define VCELL_WORDS_V3                                                                            \
  VCELL_JOIN(VCELL_WORD(__AVX__, _avx), VCELL_WORD(__AVX2__, _avx2), VCELL_WORD(__FMA__, _fma),   \
             VCELL_WORD(__F16C__, _f16c), VCELL_WORD(__BMI__, _bmi), VCELL_WORD(__BMI2__, _bmi2), \
             VCELL_WORD(__LZCNT__, _lzcnt), VCELL_WORD(__MOVBE__, _movbe), )
#define VCELL_WORDS_V4                                                         \
  VCELL_JOIN(VCELL_WORD(__AVX512F__, _avx512f), VCELL_WORD(__AVX512CD__, _cd), \
             VCELL_WORD(__AVX512BW__, _bw), VCELL_WORD(__AVX512DQ__, _dq),     \
             VCELL_WORD(__AVX512VL__, _vl), , , , )
#define VCELL_WORDS_LATER                                                                    \
  VCELL_JOIN(VCELL_WORD(__AVX512IFMA__, _ifma), VCELL_WORD(__AVX512VBMI__, _vbmi),           \
             VCELL_WORD(__AVX512VBMI2__, _vbmi2), VCELL_WORD(__AVX512BITALG__, _bitalg),     \
             VCELL_WORD(__AVX512VPOPCNTDQ__, _vpopcntdq), VCELL_WORD(__AVX512VNNI__, _vnni), \
             VCELL_WORD(__AVX512BF16__, _bf16), VCELL_WORD(__AVX512FP16__, _fp16),           \
             VCELL_WORD(__AVXVNNI__, _avxvnni))
#define VCELL_WORDS_OTHER                                                                    \
  VCELL_JOIN(VCELL_WORD(__SSE4A__, _sse4a), VCELL_WORD(__FMA4__, _fma4),                     \
             VCELL_WORD(__XOP__, _xop), VCELL_WORD(__AVX512ER__, _er),                       \
             VCELL_WORD(__AVXIFMA__, _avxifma), VCELL_WORD(__AVXNECONVERT__, _avxneconvert), \
             VCELL_WORD(__AVX10_2__, _avx10_2), VCELL_WORD(__APX_F__, _apx), )

#if defined(__SSE4_2__) && defined(__SSSE3__) && defined(__POPCNT__)
#define VCELL_HAS_V2 1
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__) && defined(__BMI__) && \
    defined(__BMI2__) && defined(__LZCNT__) && defined(__MOVBE__)
#define VCELL_HAS_V3 1
#if defined(__AVX512F__) && defined(__AVX512CD__) && defined(__AVX512BW__) && \
    defined(__AVX512DQ__) && defined(__AVX512VL__)
#define VCELL_HAS_V4 1
#endif
#endif
#endif

#if defined(VCELL_HAS_V4)
#define VCELL_LEVEL x86_v4
#elif defined(VCELL_HAS_V3)
#define VCELL_LEVEL VCELL_JOIN(x86_v3, VCELL_WORDS_V4, , , , , , , )
#elif defined(VCELL_HAS_V2)
#define VCELL_LEVEL VCELL_JOIN(x86_v2, VCELL_WORDS_V3, VCELL_WORDS_V4, , , , , , )
#else
#define VCELL_LEVEL VCELL_JOIN(x86, VCELL_WORDS_V2, VCELL_WORDS_V3, VCELL_WORDS_V4, , , , , )
#endif
#define VCELL_INSTRUCTIONS VCELL_JOIN(VCELL_LEVEL, VCELL_WORDS_LATER, VCELL_WORDS_OTHER, , , , , , )

#elif defined(__aarch64__)

#if defined(__ARM_FEATURE_SVE_BITS) && __ARM_FEATURE_SVE_BITS > 0
#define VCELL_SVE_BITS __ARM_FEATURE_SVE_BITS
#else
#define VCELL_SVE_BITS
#endif
#define VCELL_INSTRUCTIONS                                                                        \
  VCELL_JOIN(arm, VCELL_WORD(__ARM_FEATURE_ATOMICS, _atomics),                                    \
             VCELL_WORD(__ARM_FEATURE_DOTPROD, _dotprod),                                         \
             VCELL_WORD(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC, _fp16),                             \
             VCELL_WORD(__ARM_FEATURE_BF16, _bf16), VCELL_WORD(__ARM_FEATURE_MATMUL_INT8, _i8mm), \
             VCELL_WORD(__ARM_FEATURE_SVE, _sve), VCELL_SVE_BITS,                                 \
             VCELL_WORD(__ARM_FEATURE_SVE2, _sve2))

#else
#define VCELL_INSTRUCTIONS portable
#endif

// VCELL_ADDRESS_SANITIZER: AddressSanitizer watches this program.
#if defined(__SANITIZE_ADDRESS__)
#define VCELL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VCELL_ADDRESS_SANITIZER 1
#endif
#endif

#define VCELL_COMPILED_FOR \
  VCELL_JOIN(VCELL_INSTRUCTIONS, VCELL_WORD(VCELL_ADDRESS_SANITIZER, _asan), , , , , , , )
