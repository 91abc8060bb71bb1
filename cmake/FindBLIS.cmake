# BLIS with its CBLAS interface: BLIS::BLIS. Debian's package has no CMake configuration, and older
# ones no pkg-config file either, so pkg-config only gives hints.

find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_BLIS QUIET blis)
endif()
find_path(BLIS_INCLUDE_DIR blis.h
  HINTS ${PC_BLIS_INCLUDE_DIRS} PATH_SUFFIXES blis blis-pthread blis-openmp blis-serial)
find_library(BLIS_LIBRARY blis
  HINTS ${PC_BLIS_LIBRARY_DIRS} PATH_SUFFIXES blis-pthread blis-openmp blis-serial)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BLIS REQUIRED_VARS BLIS_LIBRARY BLIS_INCLUDE_DIR)
mark_as_advanced(BLIS_INCLUDE_DIR BLIS_LIBRARY)

if(BLIS_FOUND AND NOT TARGET BLIS::BLIS)
  add_library(BLIS::BLIS UNKNOWN IMPORTED)
  set_target_properties(BLIS::BLIS PROPERTIES
    IMPORTED_LOCATION "${BLIS_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${BLIS_INCLUDE_DIR}")
endif()
