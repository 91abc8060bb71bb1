# vcell_require(package [version] PURPOSE what): find_package that stops, where the package is not
# found, with its name at the usual installers. vcell_find does the same without stopping and leaves
# the message, or nothing, in vcell_missing: for the installed vcellConfig.cmake.

#   package                    apt                               conda-forge    Homebrew       vcpkg
set(vcell_packages_Eigen3        libeigen3-dev                     eigen          eigen          eigen3)
set(vcell_packages_Threads       libc6-dev                         sysroot_linux-64 -            -)
set(vcell_packages_HDF5          libhdf5-dev                       hdf5           hdf5           hdf5)
set(vcell_packages_ZLIB          zlib1g-dev                        zlib           zlib           zlib)
set(vcell_packages_fmt           libfmt-dev                        fmt            fmt            fmt)
set(vcell_packages_RapidJSON     rapidjson-dev                     rapidjson      rapidjson      rapidjson)
set(vcell_packages_nlohmann_json nlohmann-json3-dev                nlohmann_json  nlohmann-json  nlohmann-json)
set(vcell_packages_tomlplusplus  libtomlplusplus-dev               tomlplusplus   tomlplusplus   tomlplusplus)
set(vcell_packages_yaml-cpp      libyaml-cpp-dev                   yaml-cpp       yaml-cpp       yaml-cpp)
set(vcell_packages_CLI11         libcli11-dev                      cli11          cli11          cli11)
set(vcell_packages_Catch2        catch2                            catch2         catch2         catch2)
set(vcell_packages_CUDAToolkit   nvidia-cuda-toolkit               cuda-toolkit   -              cuda)
set(vcell_packages_dnnl          "libdnnl-dev ocl-icd-opencl-dev"  onednn         onednn         onednn)
set(vcell_packages_openblas      libopenblas-dev                   openblas       openblas       openblas)
set(vcell_packages_blis          libblis-dev                       blis           blis           blis)

macro(vcell_missing_message what names purpose)
  list(GET ${names} 0 vcell_apt)
  list(GET ${names} 1 vcell_conda)
  list(GET ${names} 2 vcell_brew)
  list(GET ${names} 3 vcell_vcpkg)
  string(CONCAT vcell_missing
    "vcell: ${what} was not found; ${purpose} needs it.\n"
    "  Debian, Ubuntu: apt install ${vcell_apt}\n"
    "  conda-forge: ${vcell_conda}   Homebrew: ${vcell_brew}   vcpkg: ${vcell_vcpkg}\n"
    "  If it is installed elsewhere, name that place in CMAKE_PREFIX_PATH.")
endmacro()

macro(vcell_find package)
  cmake_parse_arguments(vcell_find "" "PURPOSE" "" ${ARGN})
  set(vcell_find_components "")
  if("${package}" STREQUAL "HDF5")
    set(vcell_find_components COMPONENTS C)
    if(NOT CMAKE_C_COMPILER_LOADED)
      enable_language(C)  # what FindHDF5 looks with
    endif()
  endif()
  if("${package}" STREQUAL "RapidJSON")
    # Headers alone, and of its CMake configurations most have no target: vcell_rapidjson.
    find_path(VCELL_RAPIDJSON_INCLUDE rapidjson/reader.h)
    mark_as_advanced(VCELL_RAPIDJSON_INCLUDE)
    set(RapidJSON_FOUND FALSE)
    if(VCELL_RAPIDJSON_INCLUDE)
      set(RapidJSON_FOUND TRUE)
      if(NOT TARGET vcell_rapidjson)
        add_library(vcell_rapidjson INTERFACE IMPORTED GLOBAL)
        target_include_directories(vcell_rapidjson INTERFACE "${VCELL_RAPIDJSON_INCLUDE}")
      endif()
    endif()
  else()
    find_package(${package} ${vcell_find_UNPARSED_ARGUMENTS} QUIET ${vcell_find_components})
  endif()
  if("${package}" STREQUAL "yaml-cpp" AND yaml-cpp_FOUND AND NOT TARGET vcell_yaml)
    # Its target is called yaml-cpp up to 0.7 and yaml-cpp::yaml-cpp from 0.8 on.
    add_library(vcell_yaml INTERFACE IMPORTED GLOBAL)
    if(TARGET yaml-cpp::yaml-cpp)
      target_link_libraries(vcell_yaml INTERFACE yaml-cpp::yaml-cpp)
    else()
      target_link_libraries(vcell_yaml INTERFACE yaml-cpp)
    endif()
  endif()
  set(vcell_missing "")
  if(NOT ${package}_FOUND)
    string(STRIP "${package} ${vcell_find_UNPARSED_ARGUMENTS}" vcell_find_what)
    vcell_missing_message("${vcell_find_what}" vcell_packages_${package} "${vcell_find_PURPOSE}")
  endif()
endmacro()

macro(vcell_require)
  vcell_find(${ARGN})
  if(vcell_missing)
    message(FATAL_ERROR "${vcell_missing}")
  endif()
endmacro()
