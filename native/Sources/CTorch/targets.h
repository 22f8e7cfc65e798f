// Compiling functions for instructions that not every processor has: between CT_BEGIN_TARGET("…") and CT_END_TARGET. Who calls
// them asks first whether the processor has those.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CT_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define CT_BEGIN_TARGET(features) CT_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define CT_END_TARGET CT_PRAGMA(clang attribute pop)
#else
#define CT_BEGIN_TARGET(features) CT_PRAGMA(GCC push_options) CT_PRAGMA(GCC target(features))
#define CT_END_TARGET CT_PRAGMA(GCC pop_options)
#endif
