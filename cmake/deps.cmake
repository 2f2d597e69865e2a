# Every third-party library, under one stable target name each. docs/adr/0006 says why each is here.
# All of them are IMPORTED targets, so their headers count as system headers and our warnings stay ours.
set(SM_DEPS_DIR ${CMAKE_SOURCE_DIR}/build/deps)  # filled by scripts/setup

# sm_library(TARGET HEADER NAMES...): a library without a usable CMake package of its own.
function(sm_library target header)
  string(MAKE_C_IDENTIFIER ${target} id)
  find_path(SM_${id}_INCLUDE ${header} HINTS ${SM_DEPS_DIR}/llhttp/usr/include)
  find_library(SM_${id}_LIBRARY NAMES ${ARGN}
    HINTS ${SM_DEPS_DIR}/llhttp/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  mark_as_advanced(SM_${id}_INCLUDE SM_${id}_LIBRARY)
  if(NOT SM_${id}_INCLUDE OR NOT SM_${id}_LIBRARY)
    message(FATAL_ERROR "${target}: <${header}> or its library is missing. Run scripts/setup.")
  endif()
  add_library(${target} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${SM_${id}_LIBRARY})
  if(NOT SM_${id}_INCLUDE STREQUAL "/usr/include")
    target_include_directories(${target} INTERFACE ${SM_${id}_INCLUDE})
  endif()
endfunction()

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
find_package(CLI11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark QUIET)  # only bench/ needs it

# Abseil's time zones come in eleven shared libraries, which each start would load and bind, and the
# server starts two processes: their archives where the package has them.
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(target IN LISTS imported)
  if(NOT target MATCHES "^absl::")
    continue()
  endif()
  get_target_property(shared ${target} IMPORTED_LOCATION_NONE)
  string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${shared}")
  if(EXISTS "${archive}")
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_NONE ${archive})
  endif()
endforeach()

sm_library(sm::nghttp2 nghttp2/nghttp2.h nghttp2)
sm_library(sm::cares ares.h cares)
sm_library(sm::sqlite sqlite3.h sqlite3)
sm_library(sm::seccomp seccomp.h seccomp)
sm_library(sm::argon2 argon2.h argon2)
sm_library(sm::xxhash xxhash.h xxhash)
# Static where the package has the archive: the binary then runs on machines without llhttp.
sm_library(sm::llhttp llhttp.h libllhttp.a llhttp)

if(NOT TARGET sm::yaml)  # yaml-cpp renamed its target between the releases we support
  add_library(sm::yaml INTERFACE IMPORTED GLOBAL)
  if(TARGET yaml-cpp::yaml-cpp)
    target_link_libraries(sm::yaml INTERFACE yaml-cpp::yaml-cpp)
  else()
    target_link_libraries(sm::yaml INTERFACE yaml-cpp)
  endif()
endif()
