# web/dist becomes a part of the program: each file as it is and, where that helps, compressed. The assembler reads the
# files (.incbin); the program holds their bytes and names, no paths of this machine.
find_program(GZIP gzip REQUIRED)
set(dist ${CMAKE_SOURCE_DIR}/web/dist)
set(bundle ${CMAKE_BINARY_DIR}/web_bundle)
file(GLOB_RECURSE web_files CONFIGURE_DEPENDS RELATIVE ${dist} ${dist}/*)

set(inclusions)
set(declarations)
set(rows)
set(parts)
set(number 0)
function(dure_include_bytes symbol file)
  string(APPEND inclusions "${symbol}: .incbin \\\"${file}\\\"\\n${symbol}_end:\\n\"\n    \"")
  string(APPEND declarations "extern \"C\" const char ${symbol}[], ${symbol}_end[];\n")
  set(inclusions "${inclusions}" PARENT_SCOPE)
  set(declarations "${declarations}" PARENT_SCOPE)
endfunction()
foreach(file ${web_files})
  set(symbol dure_web_${number})
  math(EXPR number "${number} + 1")
  dure_include_bytes(${symbol} ${dist}/${file})
  list(APPEND parts ${dist}/${file})
  set(zipped "{}")
  if(file MATCHES "\\.(html|js|css|svg|txt)$")
    add_custom_command(OUTPUT ${bundle}/${symbol}.gz DEPENDS ${dist}/${file}
      COMMAND ${GZIP} -9 -n -c ${dist}/${file} > ${bundle}/${symbol}.gz VERBATIM)
    dure_include_bytes(${symbol}_gz ${bundle}/${symbol}.gz)
    list(APPEND parts ${bundle}/${symbol}.gz)
    set(zipped "{${symbol}_gz, ${symbol}_gz_end}")
  endif()
  string(APPEND rows "      {\"${file}\", {${symbol}, ${symbol}_end}, ${zipped}},\n")
endforeach()

file(MAKE_DIRECTORY ${bundle})
file(CONFIGURE OUTPUT ${bundle}/web_bundle.cc @ONLY CONTENT [[
#include "server/http/static_files.h"

asm(".section .rodata\n"
    "@inclusions@.text\n");
@declarations@
namespace dure {

std::span<const StaticFile> web_bundle() {
  static const StaticFile files[] = {
@rows@  };
  return files;
}

}  // namespace dure
]])
set_source_files_properties(${bundle}/web_bundle.cc PROPERTIES OBJECT_DEPENDS "${parts}")
target_sources(dure_server PRIVATE ${bundle}/web_bundle.cc)
