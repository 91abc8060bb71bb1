# Flags of what this project builds for itself; nothing here reaches a user of the library.

option(VCELL_WERROR "Warnings are errors" OFF)
option(VCELL_SLOW_TESTS "Tests that take minutes (label slow)" OFF)
option(VCELL_FUZZ "Programs that search for files that go wrong, by clang's libFuzzer (label fuzz)" OFF)
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
# Of the program and the examples, and of the tests. -O3 compiles half as fast as -O2, and -O1 a fifth faster than
# that. With sanitizers their own code compiles twice as fast when not optimised. What runs long is in the
# instantiations, which keep the preset's flags.
if(VCELL_SANITIZE)
  set(vcell_optimisation -O0)
  set(vcell_test_optimisation -O0)
else()
  set(vcell_optimisation $<$<CONFIG:Release>:-O2>)
  set(vcell_test_optimisation $<$<CONFIG:Release>:-O1>)
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
find_program(VCELL_LLD ld.lld)  # links in a quarter of the time
mark_as_advanced(VCELL_LLD)
if(VCELL_LLD AND NOT CMAKE_CROSSCOMPILING)
  target_link_options(vcell_development INTERFACE -fuse-ld=lld)
endif()

find_program(VCELL_CCACHE ccache)
mark_as_advanced(VCELL_CCACHE)
if(VCELL_CCACHE)
  # A cache may be shared by machines with other processors: what is compiled for one stays its own.
  set(vcell_processor "")
  if(VCELL_MARCH STREQUAL "native" AND EXISTS /proc/cpuinfo)
    file(STRINGS /proc/cpuinfo vcell_processor REGEX "^(flags|Features)" LIMIT_COUNT 1)
  endif()
  string(SHA1 vcell_processor "${vcell_processor}")
  string(SUBSTRING ${vcell_processor} 0 8 vcell_processor)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
    CCACHE_NAMESPACE=vcell-${vcell_processor} "${VCELL_CCACHE}")
endif()

foreach(target vcell_instantiations vcell_files_instantiations vcell_pipeline_instantiations)
  target_link_libraries(${target} PRIVATE vcell_development)
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)  # few sources, each large
endforeach()
