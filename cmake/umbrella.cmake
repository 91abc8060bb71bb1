# Rewrites the include lists of the umbrellas, or with CHECK fails where one is not what it
# should be. header_kinds.cmake tells which header belongs where:
#   vcell.hpp   what needs Eigen alone
#   files.hpp   what needs vcell::files
#   cuda.cuh    every .cuh, and what includes the CUDA Toolkit, but for CUB and cuDNN
#   pipeline.hpp  the room pipeline, of either kind: who includes one of the others pays nothing for it
# A header of a library for matrix products, of NCCL, of CUB or of cuDNN belongs to none: it is included where that
# is used.
#
#   cmake [-DCHECK=ON] -P cmake/umbrella.cmake

cmake_minimum_required(VERSION 3.25)
get_filename_component(include_folder "${CMAKE_CURRENT_LIST_DIR}/../include" ABSOLUTE)
include("${CMAKE_CURRENT_LIST_DIR}/header_kinds.cmake")
foreach(missing IN LISTS missing_includes)
  message(SEND_ERROR "${missing}, which is not there")
endforeach()

set(kind_of_vcell/vcell.hpp plain)
set(kind_of_vcell/files.hpp files)
set(kind_of_vcell/cuda.cuh cuda)
set(kind_of_vcell/pipeline.hpp pipeline)
foreach(umbrella IN LISTS umbrellas)
  set(wanted "")
  foreach(header IN LISTS headers)
    set(belongs_to "${kind_${header}}")
    if(header MATCHES "^vcell/pipeline/")
      set(belongs_to pipeline)
    endif()
    if(belongs_to STREQUAL kind_of_${umbrella})
      string(APPEND wanted "#include \"${header}\"\n")
    endif()
  endforeach()
  file(READ "${include_folder}/${umbrella}" text)
  string(FIND "${text}" "#pragma once\n" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "${umbrella} has no #pragma once")
  endif()
  string(SUBSTRING "${text}" 0 ${position} comment)
  set(wanted "${comment}#pragma once\n\n${wanted}")
  if(text STREQUAL wanted)
    continue()
  endif()
  if(CHECK)
    message(SEND_ERROR "include/${umbrella} does not include what belongs to it; "
      "cmake -P cmake/umbrella.cmake rewrites it")
  else()
    file(WRITE "${include_folder}/${umbrella}" "${wanted}")
    message(STATUS "rewrote include/${umbrella}")
  endif()
endforeach()
