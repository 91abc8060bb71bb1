# Builds tests/consumer/project by WAY in FOLDER, from nothing, and runs its tests.

cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${FOLDER}")
if(WAY STREQUAL "find_package")
  run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${FOLDER}/prefix" --component library)
  set(place "-DCMAKE_PREFIX_PATH=${FOLDER}/prefix" "-DVCELL_MARCH=${MARCH}")
else()
  set(place "-DVCELL_SOURCE=${SOURCE}")
endif()
set(launcher "")
if(LAUNCHER)
  set(launcher "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
endif()
run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/project" -B "${FOLDER}/build" -G "${GENERATOR}"
  -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DREADME=${SOURCE}/README.md" ${launcher} ${place})
run("${CMAKE_COMMAND}" --build "${FOLDER}/build")
run("${CMAKE_COMMAND}" -E chdir "${FOLDER}/build" ctest --output-on-failure --no-tests=error)
