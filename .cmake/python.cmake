# An interpreter to build for: one that has numpy and the headers to build against. The first python3 on the path may be
# another one than the distribution's and lack them; then the usual places are tried. Sets Python_EXECUTABLE, or says in
# `why` what is missing.
set(MFLD_PYTHON_INTERPRETER "" CACHE FILEPATH "The Python to build the package for; empty: the first that has numpy")

function(mfld_find_python why)
  set(candidates ${MFLD_PYTHON_INTERPRETER})
  if(SKBUILD) # pip builds for its own
    set(candidates ${Python_EXECUTABLE})
  elseif(NOT candidates)
    find_program(first_python NAMES python3 NO_CACHE)
    set(candidates ${first_python} /usr/bin/python3 /usr/local/bin/python3)
  endif()
  foreach(candidate IN LISTS candidates)
    execute_process(COMMAND ${candidate} -c "import os, sysconfig, numpy; os.stat(sysconfig.get_path('include') + '/Python.h')"
      RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
    if(status EQUAL 0)
      # What it calls itself: a shim would start another one elsewhere.
      execute_process(COMMAND ${candidate} -c "import sys; print(sys.executable)" OUTPUT_VARIABLE itself
        OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
      set(Python_EXECUTABLE ${itself} PARENT_SCOPE)
      set(${why} "" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  list(JOIN candidates ", " tried)
  set(${why} "none of ${tried} has numpy and the headers of Python" PARENT_SCOPE)
endfunction()

# Where that interpreter looks for packages, below the prefix of the installation.
function(mfld_python_folder result)
  execute_process(COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/python_folder.py ${CMAKE_INSTALL_PREFIX}
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${folder} PARENT_SCOPE)
endfunction()
