# Compares what including a header of vcell costs with what Eigen/Core costs: the lines that are left
# after preprocessing and, under g++, the memory that its front end takes, which grows with what it
# parses and instantiates. Both are counted, not timed. Fails where a header is above its limit.
#   COMPILER, COMPILER_ID, FOLDERS (include paths, joined by |), WORK: a folder to write into

cmake_minimum_required(VERSION 3.25)

# Header, and the most that it may have of Eigen/Core's lines and memory, in percent. A limit is a little
# above what is reached; who needs more asks first whether a function could be a template, and which
# standard header is dear.
set(limits
  "vcell/core/parallel_for.hpp 62 70"
  "vcell/ops/energy_distance.hpp 118 127"
  "vcell/data/anndata.hpp 56 67"
  "vcell/models/state_transition.hpp 121 133"
  "vcell/train/trainer.hpp 119 131"
  "vcell/sets/set_loader.hpp 83 123"
  "vcell/eval/evaluate.hpp 129 182"
  "vcell/io/h5ad.hpp 101 198"
  "vcell/vcell.hpp 154 330"
  "vcell/files.hpp 203 515")

string(REPLACE "|" ";-I" folders "-I${FOLDERS}")
file(MAKE_DIRECTORY "${WORK}")

# Sets lines and memory (in kB; empty where the compiler does not tell) of a source that includes header.
function(measure header)
  set(source "${WORK}/include.cpp")
  file(WRITE "${source}" "#include <${header}>\n")
  set(command "${COMPILER}" -std=c++20 -O0 ${folders})
  execute_process(COMMAND ${command} -E -P "${source}" -o "${WORK}/include.i"
    RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${header} cannot be preprocessed:\n${errors}")
  endif()
  file(READ "${WORK}/include.i" text)
  string(LENGTH "${text}" all)
  string(REPLACE "\n" "" text "${text}")
  string(LENGTH "${text}" others)
  math(EXPR lines "${all} - ${others}")
  set(lines ${lines} PARENT_SCOPE)

  set(memory "" PARENT_SCOPE)
  if(COMPILER_ID STREQUAL "GNU")
    execute_process(COMMAND ${command} -fsyntax-only -ftime-report "${source}"
      RESULT_VARIABLE result ERROR_VARIABLE report)
    if(NOT result EQUAL 0)
      message(FATAL_ERROR "${header} does not compile:\n${report}")
    endif()
    if(report MATCHES "TOTAL[^\n]* ([0-9]+)([kM])")
      set(kilobytes ${CMAKE_MATCH_1})
      if(CMAKE_MATCH_2 STREQUAL "M")
        math(EXPR kilobytes "${kilobytes} * 1024")
      endif()
      set(memory ${kilobytes} PARENT_SCOPE)
    endif()
  endif()
endfunction()

measure(Eigen/Core)
set(eigen_lines ${lines})
set(eigen_memory ${memory})
foreach(limit IN LISTS limits)
  separate_arguments(limit)
  list(GET limit 0 header)
  measure(${header})
  foreach(what lines memory)
    if(what STREQUAL "lines")
      list(GET limit 1 most)
    else()
      list(GET limit 2 most)
    endif()
    if(NOT "${${what}}" STREQUAL "" AND NOT "${eigen_${what}}" STREQUAL "")
      math(EXPR percent "100 * ${${what}} / ${eigen_${what}}")
      message(STATUS "${header}: ${percent} % of the ${what} of Eigen/Core, at most ${most}")
      if(percent GREATER most)
        message(SEND_ERROR "${header} has ${percent} % of the ${what} of Eigen/Core, at most ${most} "
          "are allowed (tests/include_cost)")
      endif()
    endif()
  endforeach()
endforeach()
