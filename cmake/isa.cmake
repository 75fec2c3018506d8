# Kernel sources under src/backend/cpu/isa/ are compiled once per instruction set, each into its own namespace
# (DURE_ISA_NAMESPACE). They include nothing that could leak wide instructions into baseline code.
set(DURE_ISA_OBJECTS)
# Checks of pointers that wrap around would double the minutes that sanitized kernels take to compile.
set(DURE_ISA_SANITIZED $<$<BOOL:${DURE_FUZZ}>:-fno-sanitize=pointer-overflow>)
file(GLOB isa_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cpu/isa/*.cc)
file(GLOB tile_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cpu/isa/tile/*.cc)

function(dure_isa_objects target name sources)
  add_library(${target} OBJECT ${sources})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(${target} PRIVATE DURE_ISA_NAMESPACE=${name})
  # Unwinding would bring weak symbols.
  target_compile_options(${target} PRIVATE -fno-exceptions ${DURE_UNCOUNTED} ${DURE_ISA_SANITIZED} ${ARGN})
  set(DURE_ISA_OBJECTS ${DURE_ISA_OBJECTS} $<TARGET_OBJECTS:${target}> PARENT_SCOPE)
endfunction()
macro(dure_isa name)
  dure_isa_objects(dure_isa_${name} ${name} "${isa_sources}" ${ARGN})
endmacro()
macro(dure_tiles name)
  dure_isa_objects(dure_tiles_${name} ${name} "${tile_sources}" ${ARGN})
endmacro()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
  dure_isa(avx2       ${avx2})
  dure_isa(avx512     ${avx512})
  dure_isa(avx512vnni ${avx512} -mavx512vnni)
  set(avx512bf16 ${avx512} -mavx512vnni -mavx512bf16)
  dure_isa(avx512bf16 ${avx512bf16})
  # Tiles, and vectors that do the same, for what else is that of avx512bf16.
  dure_tiles(amx          ${avx512bf16} -mamx-tile -mamx-bf16)
  dure_tiles(amx_emulated ${avx512bf16} -DDURE_TILE_EMULATED)
endif()
