# vcell_nvcc: how this project has nvcc compile its own sources.

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND "$ENV{CUDAARCHS}" STREQUAL "")
  set(CMAKE_CUDA_ARCHITECTURES 80 90 100)
endif()
enable_language(CUDA)

# CMake 3.25 does not know nvcc's option for C++20.
add_library(vcell_nvcc INTERFACE)
target_compile_options(vcell_nvcc INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-Xcompiler=-Wall,-Wextra,-Wshadow>")
if(VCELL_WERROR)
  target_compile_options(vcell_nvcc INTERFACE
    "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Werror>")
endif()
target_link_libraries(vcell_nvcc INTERFACE vcell_cuda)
