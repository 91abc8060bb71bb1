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

# cuDNN does not come with the toolkit: vcell_cudnn is there where it was found.
find_path(VCELL_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(VCELL_CUDNN_LIBRARY cudnn HINTS "${CUDAToolkit_LIBRARY_DIR}")
mark_as_advanced(VCELL_CUDNN_INCLUDE VCELL_CUDNN_LIBRARY)
if(VCELL_CUDNN_INCLUDE AND VCELL_CUDNN_LIBRARY)
  add_library(vcell_cudnn INTERFACE)
  target_include_directories(vcell_cudnn SYSTEM INTERFACE "${VCELL_CUDNN_INCLUDE}")
  target_link_libraries(vcell_cudnn INTERFACE "${VCELL_CUDNN_LIBRARY}")
else()
  message(STATUS "vcell: no tests and benchmarks of cuDNN, it was not found")
endif()
