# compile(RESULT words...) runs the compiler with these words in FOLDER. RESULT is its exit status, and
# RESULT_says what it printed.

file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")
set(ENV{LC_ALL} C)

macro(compile result)
  execute_process(COMMAND "${COMPILER}" -std=c++20 "-I${INCLUDE}" ${ARGN}
    WORKING_DIRECTORY "${FOLDER}"
    RESULT_VARIABLE ${result} OUTPUT_VARIABLE ${result}_says ERROR_VARIABLE ${result}_says)
endmacro()
