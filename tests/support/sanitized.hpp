// VCELL_TEST_SANITIZED: a sanitizer that brings its own memory allocation watches this program.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VCELL_TEST_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VCELL_TEST_SANITIZED
#endif
