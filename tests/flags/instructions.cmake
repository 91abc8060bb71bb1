# Two sources of one program that are compiled for other processors: each has its own functions of
# vcell, and what one gives to the other does not link.

cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/compiling.cmake")

file(WRITE "${FOLDER}/first.cpp" "#include \"vcell/core/error.hpp\"
#include \"vcell/kernels/exponential.hpp\"
using Function = double (*)(double);
Function in_second();
Function in_first() { return vcell::kernel::exponential<double>; }
#if defined(EXCHANGE)
void take(const vcell::Error& error);
#endif
int main(int argc, char**) {
#if defined(EXCHANGE)
  if (argc > 1) take(vcell::Error(\"exchanged\"));
#endif
  const double e = in_first()(argc);
  if (!(2.718281 < e && e < 2.718283)) return 3;
  return in_first() == in_second() ? 1 : 2;
}
")
file(WRITE "${FOLDER}/second.cpp" "#include \"vcell/core/error.hpp\"
#include \"vcell/kernels/exponential.hpp\"
using Function = double (*)(double);
Function in_second() { return vcell::kernel::exponential<double>; }
void take(const vcell::Error&) {}
")

set(flags_first -march=x86-64-v2)
set(flags_second -march=x86-64-v3)
foreach(name first second)
  compile(taken ${flags_${name}} -c ${name}.cpp -o ${name}.o)
  if(NOT taken EQUAL 0)
    message(STATUS "skipped: the compiler does not make code for ${flags_${name}}")
    return()
  endif()
endforeach()
compile(taken -march=x86-64-v2 -c second.cpp -o same.o)

# Expects how linking two of the files and running the program ends.
function(expect files result)
  compile(linked ${files} -o program)
  if(result STREQUAL "undefined")
    if(linked EQUAL 0 OR NOT linked_says MATCHES "take")
      message(SEND_ERROR "${files} exchange vcell::Error and should not link: ${linked}\n${linked_says}")
    endif()
    return()
  endif()
  if(NOT linked EQUAL 0)
    message(SEND_ERROR "${files} do not link:\n${linked_says}")
    return()
  endif()
  execute_process(COMMAND ${EMULATOR} "${FOLDER}/program" RESULT_VARIABLE status)
  if(NOT status EQUAL result)
    message(SEND_ERROR "${files}: the program ends with ${status}, not ${result}")
  endif()
endfunction()

compile(taken -march=x86-64-v2 -DEXCHANGE -c first.cpp -o giving.o)
expect("first.o;same.o" 1)      # one body
expect("first.o;second.o" 2)    # two
expect("giving.o;same.o" 1)
expect("giving.o;second.o" undefined)
