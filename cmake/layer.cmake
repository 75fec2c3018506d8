# dure_layer(NAME [UNITY] DEPENDS ...): the library of one folder under src/, without its tests. A folder's optional parts
# bring a no_x.cc stub; the one that is built is chosen by its own CMake option, so both names are left out here. UNITY
# compiles eight files at once, for layers in which most of a file's time goes to the same large templates (CLI11, Beast,
# JSON): a fifth of the time. Their files may not give two helpers one name.
#
# Fuzz targets learn from the coverage of the layers that parse; in loops over numbers counting costs three times the
# time and teaches nothing, so what is not named here goes without, tests too.
set(DURE_FUZZED_LAYERS base text formats sampling toolbox server)
set(DURE_UNCOUNTED $<$<BOOL:${DURE_FUZZ}>:-fno-sanitize=fuzzer-no-link>)

function(dure_layer name)
  cmake_parse_arguments(ARG "UNITY" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/isa/")
  if(sources)
    add_library(dure_${name} STATIC ${sources})
    target_include_directories(dure_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(dure_${name} PUBLIC ${ARG_DEPENDS})
    if(ARG_UNITY)
      set_target_properties(dure_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
      # g++ takes each of the eight for a header, whose unnamed namespace would be a mistake.
      target_compile_options(dure_${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    endif()
    if(NOT name IN_LIST DURE_FUZZED_LAYERS)
      target_compile_options(dure_${name} PRIVATE ${DURE_UNCOUNTED})
    endif()
  else()
    add_library(dure_${name} INTERFACE)
    target_include_directories(dure_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(dure_${name} INTERFACE ${ARG_DEPENDS})
  endif()
endfunction()
