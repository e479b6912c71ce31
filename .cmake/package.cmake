# `cpack -G DEB` in the build folder makes a Debian package of what `cmake --install` installs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the authors of mfld <mfld@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-numpy, python3-h5py, bash-completion")
# The interpreter of the distribution looks for packages of Debian elsewhere than for those below /usr/local.
configure_file(${CMAKE_CURRENT_LIST_DIR}/package_folders.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/package_folders.cmake @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_BINARY_DIR}/package_folders.cmake)
include(CPack)
