# Flags of what this project builds for itself; nothing here reaches a user of the library.

option(VCELL_WERROR "Warnings are errors" OFF)
option(VCELL_NATIVE "Compile the program, tests and benchmarks for this machine's own processor" OFF)
option(VCELL_SLOW_TESTS "Tests that take minutes (label slow)" OFF)
set(VCELL_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")

# In its own directories a project's include paths are not system ones, so warnings of vcell show.
add_library(vcell_development INTERFACE)
target_compile_options(vcell_development INTERFACE -Wall -Wextra -Wpedantic -Wshadow)
if(VCELL_WERROR)
  target_compile_options(vcell_development INTERFACE -Werror)
endif()
if(VCELL_SANITIZE)
  target_compile_options(vcell_development INTERFACE
    -fsanitize=${VCELL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(vcell_development INTERFACE -fsanitize=${VCELL_SANITIZE})
endif()
if(VCELL_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native VCELL_HAS_MARCH_NATIVE)
  if(VCELL_HAS_MARCH_NATIVE)
    target_compile_options(vcell_development INTERFACE -march=native)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Said of the standard library's and the compiler's own code when optimising, without cause: gcc bugs
  # 105329, 105651 (strings) and 105593 (AVX-512). Mended in gcc 13.
  target_compile_options(vcell_development INTERFACE
    -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # What ccache asks for with precompiled headers, here and below.
  target_compile_options(vcell_development INTERFACE -fpch-preprocess)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(vcell_development INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
target_link_libraries(vcell_development INTERFACE vcell_files vcell_blas)

find_program(VCELL_CCACHE ccache)
mark_as_advanced(VCELL_CCACHE)
if(VCELL_CCACHE)
  # A cache may be shared by machines with other processors: what is compiled for one stays its own.
  set(vcell_processor "")
  if(VCELL_NATIVE AND EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo vcell_processor REGEX "^(flags|Features)" LIMIT_COUNT 1)
  endif()
  string(SHA1 vcell_processor "${vcell_processor}")
  string(SUBSTRING ${vcell_processor} 0 8 vcell_processor)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
    CCACHE_NAMESPACE=vcell-${vcell_processor} "${VCELL_CCACHE}")
endif()

# Linked beside vcell_development by whatever multiplies matrices, with eigen_products.hpp in front.
set(vcell_eigen_products "${PROJECT_SOURCE_DIR}/cmake/eigen_products.hpp")
add_library(vcell_products STATIC "${PROJECT_SOURCE_DIR}/cmake/eigen_products.cpp")
target_link_libraries(vcell_products PUBLIC vcell_development)
