# vcell::blas: the library that matrix products run on. Chosen here, when configuring, and never by
# timing, so that the same build gives the same bytes. It defines one of VCELL_BLAS_DNNL,
# VCELL_BLAS_OPENBLAS and VCELL_BLAS_BLIS, or none for Eigen's own products.

if(PROJECT_IS_TOP_LEVEL)
  set(vcell_blas_default auto)
else()
  set(vcell_blas_default eigen)
endif()
set(VCELL_BLAS ${vcell_blas_default} CACHE STRING
  "Matrix products by: auto (the first of the following that is found), dnnl, openblas, blis, eigen")
set(vcell_blas_all dnnl openblas blis eigen)
set_property(CACHE VCELL_BLAS PROPERTY STRINGS auto ${vcell_blas_all})
if(NOT VCELL_BLAS IN_LIST vcell_blas_all AND NOT VCELL_BLAS STREQUAL "auto")
  message(FATAL_ERROR
    "vcell: VCELL_BLAS is '${VCELL_BLAS}'; it can be auto, dnnl, openblas, blis or eigen")
endif()

include("${CMAKE_CURRENT_LIST_DIR}/blas_backend.cmake")
foreach(backend IN LISTS vcell_blas_all)
  if(VCELL_BLAS MATCHES "^(auto|${backend})$")
    vcell_find_blas(${backend})
    if(vcell_blas_found)
      set(vcell_blas_backend ${backend})
      break()
    elseif(NOT VCELL_BLAS STREQUAL "auto")
      vcell_missing_message(${VCELL_BLAS} vcell_packages_${VCELL_BLAS} "VCELL_BLAS=${VCELL_BLAS}")
      message(FATAL_ERROR "${vcell_missing}\n"
        "  VCELL_BLAS=auto takes what there is; VCELL_BLAS=eigen needs nothing.")
    endif()
  endif()
endforeach()
message(STATUS "vcell: matrix products by ${vcell_blas_backend}")

add_library(vcell_blas INTERFACE)
target_link_libraries(vcell_blas INTERFACE vcell ${vcell_blas_target})
if(NOT vcell_blas_backend STREQUAL "eigen")
  string(TOUPPER ${vcell_blas_backend} vcell_blas_upper)
  target_compile_definitions(vcell_blas INTERFACE VCELL_BLAS_${vcell_blas_upper})
endif()
