# vcell refuses to be compiled with the options that change what arithmetic means, as far as compilers
# tell of them, and says how to mend it.

cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/compiling.cmake")

foreach(header fwd.hpp kernels/exponential.hpp)
  file(WRITE "${FOLDER}/main.cpp" "#include \"vcell/${header}\"\nint main() {}\n")
  foreach(flags "-ffast-math" "-Ofast" "-ffinite-math-only" "-O2;-ffinite-math-only")
    compile(refused ${flags} -fsyntax-only main.cpp)
    if(refused EQUAL 0)
      message(SEND_ERROR "${header} can be compiled with ${flags}")
    elseif(NOT refused_says MATCHES "error: .*vcell: -ffast-math.*-fno-fast-math")
      message(SEND_ERROR "${header} with ${flags}: not the message that was expected:\n${refused_says}")
    endif()
  endforeach()
  foreach(flags "-O2" "-Ofast;-fno-fast-math" "-fno-math-errno" "-ffp-contract=off")
    compile(taken ${flags} -fsyntax-only main.cpp)
    if(NOT taken EQUAL 0)
      message(SEND_ERROR "${header} cannot be compiled with ${flags}:\n${taken_says}")
    endif()
  endforeach()
endforeach()

# Not all compilers tell of this one; exponential() is right under it or refused.
file(WRITE "${FOLDER}/main.cpp" "#include \"vcell/kernels/exponential.hpp\"
int main(int argc, char**) {
  const float e = vcell::kernel::exponential(float(argc));
  return 2.718281f < e && e < 2.718283f ? 0 : 1;
}
")
compile(refused -O2 -fassociative-math -fno-signed-zeros -fno-trapping-math main.cpp -o main)
if(refused EQUAL 0)
  execute_process(COMMAND ${EMULATOR} "${FOLDER}/main" RESULT_VARIABLE wrong)
  if(NOT wrong EQUAL 0)
    message(SEND_ERROR "exponential is wrong with -fassociative-math")
  endif()
elseif(NOT refused_says MATCHES "vcell: -ffast-math")
  message(SEND_ERROR "with -fassociative-math: not the message that was expected:\n${refused_says}")
endif()
