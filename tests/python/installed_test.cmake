# BUILD_DIR: where mfld was built; WORK_DIR: emptied, then holds the installation; FOLDER: of packages below the prefix.
file(REMOVE_RECURSE ${WORK_DIR})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${WORK_DIR}/look.py "
import mfld
sim = mfld.Simulation({'seed': 1, 'phase': [{'method': 'gd', 'steps': 3, 'step_size': 0.5}]}, particles=[[1.0, 2.0]],
                      objective=type('Own', (), {'value': lambda self, t: 0, 'drift': lambda self, t: t})())
sim.run()
assert sim.particles.tolist() == [[0.125, 0.25]]
print(mfld.__file__)
")
execute_process(COMMAND ${CMAKE_COMMAND} -E env PYTHONPATH=${WORK_DIR}/${FOLDER} ${PYTHON} ${WORK_DIR}/look.py
  OUTPUT_VARIABLE place COMMAND_ERROR_IS_FATAL ANY)
string(FIND "${place}" "${WORK_DIR}/${FOLDER}/mfld/" found)
if(NOT found EQUAL 0)
  message(FATAL_ERROR "imported from ${place}")
endif()
