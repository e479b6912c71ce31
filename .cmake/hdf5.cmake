# mfld_hdf5: the HDF5 library, as an archive where that links by itself. As a shared library it loads thirty others, of
# which none is used, whenever the program or a child of it begins: two thirds of the time until then.
include(CheckCXXSourceCompiles)

add_library(mfld_hdf5 INTERFACE)
target_include_directories(mfld_hdf5 SYSTEM INTERFACE ${HDF5_INCLUDE_DIRS})
find_library(MFLD_HDF5_ARCHIVE NAMES libhdf5.a HINTS ${HDF5_LIBRARY_DIRS})
set(archive_links OFF)
if(MFLD_HDF5_ARCHIVE AND NOT BUILD_SHARED_LIBS)
  set(archive ${MFLD_HDF5_ARCHIVE} sz z ${CMAKE_DL_LIBS} m)
  set(CMAKE_REQUIRED_INCLUDES ${HDF5_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_LIBRARIES ${archive})
  check_cxx_source_compiles("
    #include <hdf5.h>
    int main() { return H5open() < 0 || H5Fcreate(\"x\", H5F_ACC_EXCL, H5P_DEFAULT, H5Pcreate(H5P_FILE_ACCESS)) < 0; }"
    MFLD_HDF5_ARCHIVE_LINKS)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_LIBRARIES)
  set(archive_links ${MFLD_HDF5_ARCHIVE_LINKS})
endif()
if(archive_links)
  # The archive is not position independent: a module, such as Python's, takes the library that h5py has as well.
  set(for_module $<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>)
  target_link_libraries(mfld_hdf5 INTERFACE $<${for_module}:PkgConfig::HDF5> "$<$<NOT:${for_module}>:${archive}>")
else()
  target_link_libraries(mfld_hdf5 INTERFACE PkgConfig::HDF5)
endif()
