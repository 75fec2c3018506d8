# dure_layer(NAME DEPENDS ...): the library of one folder under src/, without its tests. A folder's optional parts bring
# a no_x.cc stub; the one that is built is chosen by its own CMake option, so both names are left out here.
#
# Fuzz targets learn from the coverage of the layers that parse; in loops over numbers counting costs three times the
# time and teaches nothing, so what is not named here goes without, tests too.
set(DURE_FUZZED_LAYERS base text formats sampling toolbox server)
set(DURE_UNCOUNTED $<$<BOOL:${DURE_FUZZ}>:-fno-sanitize=fuzzer-no-link>)

function(dure_layer name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/isa/")
  if(sources)
    add_library(dure_${name} STATIC ${sources})
    target_include_directories(dure_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(dure_${name} PUBLIC ${ARG_DEPENDS})
    if(NOT name IN_LIST DURE_FUZZED_LAYERS)
      target_compile_options(dure_${name} PRIVATE ${DURE_UNCOUNTED})
    endif()
  else()
    add_library(dure_${name} INTERFACE)
    target_include_directories(dure_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(dure_${name} INTERFACE ${ARG_DEPENDS})
  endif()
endfunction()
