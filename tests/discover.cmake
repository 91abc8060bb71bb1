# Read by ctest when it starts: adds every test case of one Catch2 executable, labelled with its room
# and with golden or slow where it has that tag. Works with Catch2 2 and 3, and with any characters in
# the names. The list is kept until the executable changes.
#   executable, emulator, target, room, slow, cached, list_names: set by vcell_discover_tests.

if(NOT EXISTS "${executable}")
  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)
  set_tests_properties(${target}_NOT_BUILT PROPERTIES LABELS ${room})
  return()
endif()

if(NOT EXISTS "${cached}" OR "${executable}" IS_NEWER_THAN "${cached}"
   OR "${CMAKE_CURRENT_LIST_FILE}" IS_NEWER_THAN "${cached}")
  set(script "")
  foreach(group "~[golden]~[slow]" "[golden]~[slow]" "[slow]")
    set(labels ${room})
    set(timeout 600)
    if(group MATCHES "^\\[golden")
      list(APPEND labels golden)
    elseif(group STREQUAL "[slow]")
      if(NOT slow)
        continue()
      endif()
      list(APPEND labels slow)
      set(timeout 1500)
    endif()
    execute_process(COMMAND ${emulator} "${executable}" ${list_names} "${group}"
      OUTPUT_VARIABLE names ERROR_VARIABLE errors RESULT_VARIABLE result)
    # Catch2 2 answers with the number of names, Catch2 3 with 0.
    if(NOT result MATCHES "^[0-9]+$" OR NOT errors STREQUAL "")
      message(FATAL_ERROR "${executable} cannot list its tests: ${result}\n${errors}")
    endif()
    # Line by line with the characters that lists give a meaning out of the way.
    string(REPLACE "[" "<open>" names "${names}")
    string(REPLACE "]" "<close>" names "${names}")
    string(REPLACE ";" "<semicolon>" names "${names}")
    string(REPLACE "\n" ";" names "${names}")
    foreach(name IN LISTS names)
      string(REPLACE "<open>" "[" name "${name}")
      string(REPLACE "<close>" "]" name "${name}")
      string(REPLACE "<semicolon>" ";" name "${name}")
      if(name STREQUAL "")
        continue()
      endif()
      string(REGEX REPLACE "([][,\\\\])" "\\\\\\1" pattern "${name}")
      string(APPEND script
        "add_test([==[${name}]==] ${emulator} [==[${executable}]==] [==[${pattern}]==])\n"
        "set_tests_properties([==[${name}]==] PROPERTIES LABELS [==[${labels}]==] "
        "SKIP_RETURN_CODE 77 TIMEOUT ${timeout})\n")
    endforeach()
  endforeach()
  file(WRITE "${cached}" "${script}")
endif()
include("${cached}")
