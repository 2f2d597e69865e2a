# Flags go on our own targets through this interface library, never on CMAKE_CXX_FLAGS, so system
# headers and vendored code keep their own.
option(SM_WERROR "Treat warnings as errors (CI and presets turn it on)" OFF)
option(SM_FUZZ "Build fuzz targets with libFuzzer instead of the replay main" OFF)
option(SM_SKIP_MISSING "Leave out listed files that do not exist yet, with a warning" OFF)
set(SM_SANITIZE "" CACHE STRING "address,undefined | thread | empty")

add_library(sm_flags INTERFACE)
target_compile_options(sm_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
  -Wconversion -Wsign-conversion -Wimplicit-fallthrough -Wextra-semi -Wthread-safety
  -Wno-missing-designated-field-initializers
  # What only an assert uses is unused in a release; the other presets judge that.
  $<$<CONFIG:RelWithDebInfo>:-Wno-unused-private-field;-Wno-unused-variable;-Wno-unused-lambda-capture>
  $<$<CONFIG:RelWithDebInfo>:-Wno-unused-but-set-variable;-Wno-unused-function;-Wno-unused-parameter>
  $<$<BOOL:${SM_WERROR}>:-Werror>
  -fno-omit-frame-pointer)
target_compile_definitions(sm_flags INTERFACE _GLIBCXX_ASSERTIONS SM_VERSION="${PROJECT_VERSION}")
# Sanitizers change the ABI of containers, so they reach every target of the build.
if(SM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(SM_SANITIZE)
  add_compile_options(-fsanitize=${SM_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SM_SANITIZE})
endif()

function(sm_optional_subdirectory dir)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/CMakeLists.txt)
    add_subdirectory(${dir})
  endif()
endfunction()

# Puts the existing ones of `files` (relative to the current folder) into `out`. With
# SM_SKIP_MISSING a missing one is a warning, otherwise CMake itself stops at it.
function(sm_existing out)
  set(found)
  foreach(file ${ARGN})
    if(SM_SKIP_MISSING AND NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      file(RELATIVE_PATH shown ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(WARNING "left out: ${shown} does not exist yet")
      # Configure again as soon as the folder changes.
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR})
    else()
      list(APPEND found ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    endif()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# sm_test(NAME LABELS l... USES m... LIBRARIES ext... SOURCES f... TIMEOUT s): one GoogleTest
# program = one ctest entry. Run it with --gtest_filter to look at a single case.
function(sm_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "LABELS;USES;LIBRARIES;SOURCES" ${ARGN})
  sm_existing(sources ${T_SOURCES})
  if(NOT sources)
    return()
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  list(TRANSFORM T_USES PREPEND sm_)
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})  # "tests/support/x.h"
  target_compile_definitions(${name} PRIVATE SM_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
                                             SM_BINARY_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE ${T_USES} ${T_LIBRARIES} sm_flags GTest::gmock_main
                                        Threads::Threads)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1
                                        --gtest_output=xml:${CMAKE_BINARY_DIR}/results/${name}.xml)
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT})
endfunction()

# sm_pytest(NAME LABELS l... SOURCES f.py... TIMEOUT s VENV v SERIAL): pytest files of the current folder
# as one ctest entry, in the environment (`test-venv`) that `scripts/setup --tests` made. SM_BINARY names
# the program.
function(sm_pytest name)
  cmake_parse_arguments(T "SERIAL" "TIMEOUT;VENV" "LABELS;SOURCES" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  if(NOT T_VENV)
    set(T_VENV test-venv)
  endif()
  list(TRANSFORM T_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  add_test(NAME ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMAND ${SM_DEPS_DIR}/${T_VENV}/bin/python -B -m pytest -q -rs -p no:cacheprovider
            --junitxml=${CMAKE_BINARY_DIR}/results/${name}.xml ${T_SOURCES})
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "SM_BINARY=${CMAKE_BINARY_DIR}/sovmesh;SM_DEPS_DIR=${SM_DEPS_DIR}")
  if(T_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# sm_script_test(NAME LABELS l... TIMEOUT s COMMAND c...): anything else; exit code 77 and a line
# "SKIPPED: reason" is a skip.
function(sm_script_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "LABELS;COMMAND" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${T_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "SM_BINARY=${CMAKE_BINARY_DIR}/sovmesh;SM_DEPS_DIR=${SM_DEPS_DIR}")
endfunction()

# sm_module(NAME USES m... LIBRARIES ext... SOURCES f... TESTS f...): one static library sm_NAME per
# folder (header-only without SOURCES), and one test program NAME_test.
function(sm_module name)
  cmake_parse_arguments(M "" "" "USES;LIBRARIES;SOURCES;TESTS" ${ARGN})
  list(TRANSFORM M_USES PREPEND sm_ OUTPUT_VARIABLE uses)
  sm_existing(sources ${M_SOURCES})
  # A header set lets CMake compile every header alone (`make headers`), so each one includes what
  # it needs.
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  get_filename_component(root ${CMAKE_CURRENT_SOURCE_DIR} DIRECTORY)
  if(sources)
    add_library(sm_${name} STATIC ${sources})
    target_sources(sm_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers})
    target_link_libraries(sm_${name} PUBLIC ${uses} ${M_LIBRARIES} PRIVATE sm_flags)
  else()
    add_library(sm_${name} INTERFACE)
    target_sources(sm_${name} INTERFACE FILE_SET HEADERS BASE_DIRS ${root} FILES ${headers})
    target_link_libraries(sm_${name} INTERFACE ${uses} ${M_LIBRARIES})
  endif()
  if(M_TESTS)
    sm_test(${name}_test LABELS unit ${name} USES ${name} SOURCES ${M_TESTS})
  endif()
endfunction()
