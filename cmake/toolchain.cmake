# Compiler cache, linker, reproducible paths. Flags that must reach every translation unit alike.
find_program(SM_CCACHE ccache)
if(SM_CCACHE)
  # BASEDIR and NOHASHDIR make paths relative inside the cache key: a second clone or worktree in
  # another folder hits what the first one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=include_file_ctime,include_file_mtime,time_macros ${SM_CCACHE})
endif()
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_link_options(-fuse-ld=lld -Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-fstack-protector-strong)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

option(SM_LTO "Link-time optimisation (thin)" OFF)
if(SM_LTO)
  add_compile_options(-flto=thin)
  # lld needs no index of an archive, and making one takes tools that know this compiler's objects.
  set(CMAKE_CXX_ARCHIVE_CREATE "<CMAKE_AR> qcS <TARGET> <OBJECTS>")
  set(CMAKE_CXX_ARCHIVE_FINISH "")
  add_link_options(-flto=thin -Wl,--thinlto-jobs=2 -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache)
endif()
