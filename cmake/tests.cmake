# One test program per layer that has x_test.cc files, so that a change relinks little, plus tests/golden.
find_package(GTest REQUIRED)
include(GoogleTest)

function(dure_tests name directory)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${directory}/*_test.cc)
  if(sources)
    add_executable(${name}_test ${sources})
    target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name}_test PRIVATE ${ARGN} GTest::gmock GTest::gtest_main)
    target_compile_options(${name}_test PRIVATE ${DURE_UNCOUNTED})
    target_compile_definitions(${name}_test PRIVATE
      DURE_TESTS_DIR="${CMAKE_SOURCE_DIR}/tests" DURE_SHARED_DIR="${CMAKE_SOURCE_DIR}/../shared")
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
  endif()
endfunction()

foreach(layer base tensor text formats sampling backend ops nn models toolbox engine train chat server cli)
  dure_tests(${layer} ${CMAKE_SOURCE_DIR}/src/${layer} dure_${layer})
endforeach()
# Golden vectors of third parties come compressed.
dure_tests(golden ${CMAKE_SOURCE_DIR}/tests/golden dure_cli PkgConfig::ZSTD)

# The checks that CI runs are code too.
foreach(script check_layers check_names check_isa_objects)
  add_test(NAME tools.${script} COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/${script}_test.py)
endforeach()

# End to end: scripts that use the program as a person or a script would; each gets the binary and the fixtures.
file(GLOB e2e_scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/e2e/*_test.py)
foreach(script ${e2e_scripts})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME e2e.${name} COMMAND python3 ${script} $<TARGET_FILE:dure> ${CMAKE_SOURCE_DIR}/tests/fixtures)
  set_tests_properties(e2e.${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77
    # A sanitizer's complaint must not look like the program's own exit code.
    ENVIRONMENT "ASAN_OPTIONS=exitcode=99;UBSAN_OPTIONS=exitcode=99")
endforeach()
