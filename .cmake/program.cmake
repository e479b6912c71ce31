# What goes with the program: the examples that it writes, its manual, completion for bash.
file(GLOB template_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/sims/templates/*.toml)
list(LENGTH template_files num_templates)
set(templates "")
foreach(file IN LISTS template_files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND templates "    {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/sims/templates.hpp.in ${CMAKE_CURRENT_BINARY_DIR}/sims/templates.hpp @ONLY)
target_include_directories(mfld_program PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/sims)

install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/sims/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME mfld)

# The pages of the manual are the program's help, and it has to run here to say it.
if(NOT CMAKE_CROSSCOMPILING)
  set(manual ${CMAKE_CURRENT_BINARY_DIR}/manual)
  add_custom_command(TARGET mfld_program POST_BUILD
    COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:mfld_program> -D FOLDER=${manual} -P ${CMAKE_CURRENT_LIST_DIR}/manual.cmake)
  install(DIRECTORY ${manual}/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
endif()
