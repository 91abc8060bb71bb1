# Reads all headers under include_folder, sets `headers` (all but the umbrellas, as "vcell/...", sorted)
# and kind_<header>, which follows from what the header includes, directly or not:
#   files   reaches the room io, the file system, HDF5, fmt, JSON, TOML or YAML
#   cuda    a .cuh, or includes the CUDA Toolkit
#   blas    itself includes a library for matrix products: of use where that library was chosen
#   nccl    itself includes NCCL, which does not come with the CUDA Toolkit: of use where it is
#   cub     itself includes CUB, which comes with the toolkit and is dear to compile
#   cudnn   includes cuDNN, directly or not, which does not come with the toolkit either
#   plain   every other: needs Eigen alone
# missing_includes lists headers of vcell that are included and not there.

set(umbrellas vcell/vcell.hpp vcell/files.hpp vcell/pipeline.hpp vcell/cuda.cuh)
set(files_packages "^(H5[A-Za-z]*|hdf5|hdf5_hl)\\.h$|^fmt/|^rapidjson/|^toml\\+\\+/|^yaml-cpp/|^(zlib|zip|zstd|libdeflate)\\.h$|^filesystem$")
set(blas_packages "^(oneapi/)?dnnl[/a-z_.]*\\.h|^cblas\\.h$|^blis(/|\\.h$)")
set(cuda_packages "^(cuda|cublas|curand|cusparse)[A-Za-z0-9_]*\\.h$")
set(nccl_packages "^nccl\\.h$")
set(cub_packages "^cub/")
set(cudnn_packages "^cudnn[a-z0-9_]*\\.h$")

file(GLOB_RECURSE headers RELATIVE "${include_folder}" "${include_folder}/vcell/*.hpp" "${include_folder}/vcell/*.cuh")
list(REMOVE_ITEM headers ${umbrellas})
list(SORT headers COMPARE STRING)

set(missing_includes "")
foreach(header IN LISTS headers)
  file(STRINGS "${include_folder}/${header}" lines REGEX "^ *# *include ")
  set(includes_${header} "")
  set(kind_${header} plain)
  if(header MATCHES "\\.cuh$")
    set(kind_${header} cuda)
  elseif(header MATCHES "^vcell/io/")
    set(kind_${header} files)
  endif()
  foreach(line IN LISTS lines)
    if(line MATCHES "include +[\"<]([^\">]+)[\">]")
      set(name "${CMAKE_MATCH_1}")
      if(name MATCHES "^vcell/")
        if(NOT name IN_LIST headers AND NOT name IN_LIST umbrellas)
          list(APPEND missing_includes "${header} includes ${name}")
        endif()
        list(APPEND includes_${header} "${name}")
      elseif(name MATCHES "${files_packages}" AND kind_${header} STREQUAL "plain")
        set(kind_${header} files)
      elseif(name MATCHES "${blas_packages}" AND kind_${header} STREQUAL "plain")
        set(kind_${header} blas)
      elseif(name MATCHES "${nccl_packages}")
        set(kind_${header} nccl)
      elseif(name MATCHES "${cub_packages}")
        set(kind_${header} cub)
      elseif(name MATCHES "${cudnn_packages}")
        set(kind_${header} cudnn)
      elseif(name MATCHES "${cuda_packages}" AND NOT kind_${header} MATCHES "^(nccl|cub|cudnn)$")
        set(kind_${header} cuda)
      endif()
    endif()
  endforeach()
endforeach()

# What a header includes makes it one of files, cuda or cudnn as well; until nothing changes any more.
set(changed TRUE)
while(changed)
  set(changed FALSE)
  foreach(header IN LISTS headers)
    foreach(other IN LISTS includes_${header})
      if(kind_${header} STREQUAL "plain" AND kind_${other} MATCHES "^(files|cuda)$")
        set(kind_${header} ${kind_${other}})
        set(changed TRUE)
      elseif(kind_${other} STREQUAL "cudnn" AND NOT kind_${header} STREQUAL "cudnn")
        set(kind_${header} cudnn)
        set(changed TRUE)
      endif()
    endforeach()
  endforeach()
endwhile()
