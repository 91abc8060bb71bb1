# vcell::instantiations: what most programs use of vcell's templates (operations, State Transition and
# its training on float, simulated and real screens, Eigen's products), compiled once, in the project
# that links it and with its flags. Included when configuring vcell and by the installed
# vcellConfig.cmake. It compiles for VCELL_MARCH and with the products of vcell::blas where that is
# there, and hands both on, since both are part of every name in vcell (core/abi.hpp).
# Where vcell::files is there, vcell::files_instantiations: the same with the readers and the writers, and
# vcell::pipeline_instantiations: all that with scores and whole runs, in memory and in folders.

if(NOT DEFINED VCELL_MARCH)
  set(VCELL_MARCH "" CACHE STRING "What vcell::instantiations and all that links it are compiled for: \
what -march takes, such as native or x86-64-v3; empty: the compiler's choice")
endif()

if(NOT TARGET vcell_instantiations)
  set(vcell_instantiation_sources products ops models data)
  list(TRANSFORM vcell_instantiation_sources REPLACE "(.+)"
    "${CMAKE_CURRENT_LIST_DIR}/instantiations/\\1.cpp")
  add_library(vcell_instantiations STATIC EXCLUDE_FROM_ALL ${vcell_instantiation_sources})
  target_link_libraries(vcell_instantiations PUBLIC vcell::vcell)
  if(TARGET vcell::blas)
    target_link_libraries(vcell_instantiations PUBLIC vcell::blas)
  endif()
  target_compile_definitions(vcell_instantiations PUBLIC VCELL_INSTANTIATIONS)
  if(VCELL_MARCH)
    target_compile_options(vcell_instantiations PUBLIC
      "$<$<COMPILE_LANGUAGE:CXX>:-march=${VCELL_MARCH}>"
      "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-march=${VCELL_MARCH}>")
  endif()
  add_library(vcell::instantiations ALIAS vcell_instantiations)
endif()

if(TARGET vcell::files AND NOT TARGET vcell_files_instantiations)
  add_library(vcell_files_instantiations STATIC EXCLUDE_FROM_ALL
    "${CMAKE_CURRENT_LIST_DIR}/instantiations/files.cpp")
  target_link_libraries(vcell_files_instantiations PUBLIC vcell_instantiations vcell::files)
  target_compile_definitions(vcell_files_instantiations PUBLIC VCELL_FILES_INSTANTIATIONS)
  add_library(vcell::files_instantiations ALIAS vcell_files_instantiations)

  add_library(vcell_pipeline_instantiations STATIC EXCLUDE_FROM_ALL
    "${CMAKE_CURRENT_LIST_DIR}/instantiations/pipeline.cpp"
    "${CMAKE_CURRENT_LIST_DIR}/instantiations/folders.cpp")
  target_link_libraries(vcell_pipeline_instantiations PUBLIC vcell_files_instantiations)
  target_compile_definitions(vcell_pipeline_instantiations PUBLIC VCELL_PIPELINE_INSTANTIATIONS)
  add_library(vcell::pipeline_instantiations ALIAS vcell_pipeline_instantiations)
endif()
