# Headers, the CMake package (one set of targets for each component) and the program.

include(CMakePackageConfigHelpers)
set(vcell_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/vcell")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/vcell" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT library FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh")

# vcell_blas is installed as vcell::blas, in vcellTargets-blas.cmake, and so on.
foreach(library IN LISTS vcell_libraries)
  if(library STREQUAL "vcell")
    set(component core)
    set_target_properties(vcell PROPERTIES EXPORT_NAME vcell)
  else()
    string(REPLACE "vcell_" "" component ${library})
    set_target_properties(${library} PROPERTIES EXPORT_NAME ${component})
  endif()
  install(TARGETS ${library} EXPORT vcell-${component})
  install(EXPORT vcell-${component} NAMESPACE vcell:: FILE vcellTargets-${component}.cmake
    DESTINATION "${vcell_package_folder}" COMPONENT library)
  list(APPEND vcell_components ${component})
endforeach()
list(APPEND vcell_components instantiations)  # built where it is used, from its sources

configure_package_config_file(cmake/vcellConfig.cmake.in "${PROJECT_BINARY_DIR}/vcellConfig.cmake"
  INSTALL_DESTINATION "${vcell_package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/vcellConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
  "${PROJECT_BINARY_DIR}/vcellConfig.cmake" "${PROJECT_BINARY_DIR}/vcellConfigVersion.cmake"
  cmake/dependencies.cmake cmake/blas_backend.cmake cmake/FindBLIS.cmake cmake/instantiations.cmake
  DESTINATION "${vcell_package_folder}" COMPONENT library)
install(DIRECTORY cmake/instantiations DESTINATION "${vcell_package_folder}" COMPONENT library)
install(FILES LICENSE README.md DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT library)

if(TARGET vcell_program)
  install(TARGETS vcell_program RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT program)
endif()
