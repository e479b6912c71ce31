# A page of the manual for PROGRAM and for each of its commands, in FOLDER.
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${PROGRAM} complete "" OUTPUT_VARIABLE commands OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROGRAM} manual OUTPUT_FILE ${FOLDER}/mfld.1 COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" commands "${commands}")
foreach(command IN LISTS commands)
  execute_process(COMMAND ${PROGRAM} manual ${command} OUTPUT_FILE ${FOLDER}/mfld-${command}.1 COMMAND_ERROR_IS_FATAL ANY)
endforeach()
