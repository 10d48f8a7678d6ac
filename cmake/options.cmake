set(DS_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, comma separated")
option(DS_COVERAGE "Instrument for gcov" OFF)

set(DS_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
                -Wundef -Wpointer-arith -Wwrite-strings -Werror)

add_library(ds_flags INTERFACE)
target_compile_definitions(ds_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_compile_options(ds_flags INTERFACE -fno-omit-frame-pointer -fstack-protector-strong)
if(DS_SANITIZE)
  target_compile_options(ds_flags INTERFACE -fsanitize=${DS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(ds_flags INTERFACE -fsanitize=${DS_SANITIZE})
else()
  target_compile_options(ds_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>)
endif()
if(DS_COVERAGE)
  target_compile_options(ds_flags INTERFACE --coverage)
  target_link_options(ds_flags INTERFACE --coverage)
endif()
# Asserts of our own invariants stay in release builds (STYLE 13).
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")

# A folder sees the headers of a folder it links and no others: every library exposes a staging folder that holds one
# symbolic link, its own name, to its source folder. `#include "stream/host.h"` from a target that does not link
# ds_stream finds no such file.
function(ds_expose target folder source_dir)
  set(stage ${CMAKE_BINARY_DIR}/include/${target})
  get_filename_component(parent ${stage}/${folder} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${source_dir} ${stage}/${folder} SYMBOLIC)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    target_include_directories(${target} INTERFACE ${stage})
  else()
    target_include_directories(${target} PUBLIC ${stage})
  endif()
endfunction()

# ds_add_library(NAME folder SOURCES... ): a static library with our warnings, its headers exposed as "folder/x.h".
function(ds_add_library target folder)
  add_library(${target} STATIC ${ARGN})
  target_compile_options(${target} PRIVATE ${DS_WARNINGS})
  target_link_libraries(${target} PUBLIC ds_flags)
  ds_expose(${target} ${folder} ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()

function(ds_add_executable target)
  add_executable(${target} ${ARGN})
  target_compile_options(${target} PRIVATE ${DS_WARNINGS})
  target_link_libraries(${target} PRIVATE ds_flags)
endfunction()

# ds_add_test(NAME label SOURCES x.c ... LIBS y ...): a Criterion suite. label: unit, component or integration.
# LeakSanitizer alone does not fail a Criterion test, hence the expression. Criterion starts a process a test, and in
# each its libgit2 reads all CA certificates of the system: with ASan's strstr, which looks for the end of both texts at
# each call, that is half of a short test's time.
function(ds_add_test target label)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  add_executable(${target} ${T_SOURCES})
  target_compile_options(${target} PRIVATE ${DS_WARNINGS})
  target_link_libraries(${target} PRIVATE ${T_LIBS} ds_flags PkgConfig::CRITERION)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_link_options(${target} PRIVATE -no-pie LINKER:--as-needed)
  add_test(NAME ${target} COMMAND ${target} --jobs 2)
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${target} PROPERTIES LABELS ${label} TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT_MODIFICATION ASAN_OPTIONS=path_list_append:intercept_strstr=0
    FAIL_REGULAR_EXPRESSION "ERROR: (LeakSanitizer|AddressSanitizer);runtime error:")
endfunction()
