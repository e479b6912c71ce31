# BUILD_DIR: where mfld was built; WORK_DIR: emptied, then holds the installation and the outside project's build.
file(REMOVE_RECURSE ${WORK_DIR})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The program that src/README.md shows.
file(READ ${CMAKE_CURRENT_LIST_DIR}/../../src/README.md page)
string(FIND "${page}" "```cpp\n" first)
math(EXPR first "${first} + 7")
string(SUBSTRING "${page}" ${first} -1 rest)
string(FIND "${rest}" "```" last)
string(SUBSTRING "${rest}" 0 ${last} program)
file(WRITE ${WORK_DIR}/build/own_parts.cpp "${program}")

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK_DIR}/build -G ${GENERATOR}
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_CXX_FLAGS=${FLAGS} -D CMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${WORK_DIR}/build/outside)
execute_process(COMMAND ${WORK_DIR}/build/own_parts OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
if(NOT said MATCHES "^finished after 100 steps, and largest is [0-9.]+\nR = [0-9.e-]+ after 100 steps\n$")
  message(FATAL_ERROR "the program of src/README.md says ${said}")
endif()
if(EXISTS ${WORK_DIR}/prefix/bin/mfld)
  run(${WORK_DIR}/prefix/bin/mfld --help)
  foreach(file IN ITEMS bash-completion/completions/mfld man/man1/mfld.1 man/man1/mfld-run.1)
    if(NOT EXISTS ${WORK_DIR}/prefix/share/${file})
      message(FATAL_ERROR "share/${file} is not installed")
    endif()
  endforeach()
endif()

# What is installed finds the modules of MPI as well: two ranks make a run.
file(GLOB_RECURSE module ${WORK_DIR}/prefix/lib*/mfld_openmpi.so)
find_program(MPIRUN NAMES mpirun.openmpi)
if(module AND MPIRUN)
  file(WRITE ${WORK_DIR}/ranks.toml "seed = 1
task = { kind = \"teacher-student\", num_train = 20, num_test = 5 }
network.width = 500
phase = [{ method = \"gd\", steps = 3, step_size = 0.1 }]
")
  set(ENV{OMPI_ALLOW_RUN_AS_ROOT} 1)
  set(ENV{OMPI_ALLOW_RUN_AS_ROOT_CONFIRM} 1)
  set(ENV{OMPI_MCA_rmaps_base_oversubscribe} 1)
  set(ENV{PRTE_MCA_rmaps_default_mapping_policy} :oversubscribe)
  run(${MPIRUN} -n 2 ${WORK_DIR}/prefix/bin/mfld run ${WORK_DIR}/ranks.toml --out ${WORK_DIR}/ranks --quiet)
endif()
