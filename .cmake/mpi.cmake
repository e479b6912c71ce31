# The modules by which the program is one of many ranks: one for each MPI that is installed, made by the compiler that
# it brings, which knows where all is. The program loads that of whoever launched it, and needs none else.
#   MFLD_MPI            AUTO: those that are found; ON: an error if there is none; OFF: none
#   MFLD_MPI_COMPILERS  compilers of MPI; empty: mpicc.openmpi and mpicc.mpich, as Debian calls them, or else mpicc
set(MFLD_MPI AUTO CACHE STRING "Whether the program can be a rank of MPI: AUTO (where that is installed), ON or OFF")
set_property(CACHE MFLD_MPI PROPERTY STRINGS AUTO ON OFF)
set(MFLD_MPI_COMPILERS "" CACHE STRING "Compilers of MPI, such as mpicc, one an installation; empty: those on the path")

set(mpi_source ${CMAKE_CURRENT_SOURCE_DIR}/sims/ranks/mpi_module.cpp)
set(mpi_folder ${CMAKE_CURRENT_BINARY_DIR}/mpi)
set(mpi_flags -std=c++20 -O2 -fPIC -fno-exceptions -fno-rtti -Wall -Wextra -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX)

# "openmpi" or "mpich", which stands for all that are made after it, in `name`; empty where the compiler finds no mpi.h.
function(mfld_name_mpi compiler name)
  set(found "")
  foreach(candidate IN ITEMS openmpi mpich)
    execute_process(COMMAND ${compiler} ${mpi_flags} -DMFLD_NEEDS_${candidate} -fsyntax-only ${mpi_source}
      RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      set(found ${candidate})
    endif()
  endforeach()
  set(${name} ${found} PARENT_SCOPE)
endfunction()

function(mfld_add_mpi)
  set(compilers ${MFLD_MPI_COMPILERS})
  if(NOT compilers)
    foreach(candidate IN ITEMS mpicc.openmpi mpicc.mpich mpicc)
      find_program(compiler NAMES ${candidate} NO_CACHE)
      if(compiler AND (NOT candidate STREQUAL "mpicc" OR NOT compilers))
        list(APPEND compilers ${compiler})
      endif()
      unset(compiler)
    endforeach()
  endif()
  set(modules "")
  set(names "")
  foreach(compiler IN LISTS compilers)
    mfld_name_mpi(${compiler} name)
    if(NOT name OR name IN_LIST names)
      continue()
    endif()
    set(module ${mpi_folder}/mfld_${name}.so)
    add_custom_command(OUTPUT ${module}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${mpi_folder}
      COMMAND ${compiler} ${mpi_flags} -shared -o ${module} ${mpi_source}
      DEPENDS ${mpi_source} ${CMAKE_CURRENT_SOURCE_DIR}/sims/ranks/mpi_functions.hpp
      COMMENT "Module of ${name} by ${compiler}" VERBATIM)
    list(APPEND modules ${module})
    list(APPEND names ${name})
  endforeach()
  if(names)
    list(JOIN names ", " list_of_names)
    message(STATUS "MPI: ${list_of_names}")
    add_custom_target(mfld_mpi ALL DEPENDS ${modules})
    add_dependencies(mfld_program mfld_mpi)
    install(FILES ${modules} DESTINATION ${CMAKE_INSTALL_LIBDIR}/mfld)
  elseif(MFLD_MPI STREQUAL "AUTO")
    message(STATUS "MPI: not found (sims/setup mpi); the program is built without it")
  else()
    list(JOIN compilers ", " list_of_compilers)
    message(FATAL_ERROR "MFLD_MPI: no mpi.h is found by the compilers of MPI that there are (${list_of_compilers}); "
      "install one (sims/setup mpi), or name its compiler in MFLD_MPI_COMPILERS")
  endif()
  set(MFLD_MPI_NAMES "${names}" PARENT_SCOPE)
endfunction()

if(MFLD_MPI)
  mfld_add_mpi()
endif()
# Where they are after an installation, seen from the program.
file(RELATIVE_PATH module_folder ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/mfld)
set_property(SOURCE ${CMAKE_CURRENT_SOURCE_DIR}/sims/ranks/mpi_ranks.cpp APPEND PROPERTY
  COMPILE_DEFINITIONS "MFLD_MODULE_FOLDER=\"${module_folder}\"")
target_link_libraries(mfld_program PRIVATE ${CMAKE_DL_LIBS})
