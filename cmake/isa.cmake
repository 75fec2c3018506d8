# Kernel sources under src/backend/cpu/isa/ are compiled once per instruction set, each into its own namespace
# (DURE_ISA_NAMESPACE). They include nothing that could leak wide instructions into baseline code.
set(DURE_ISA_OBJECTS)
file(GLOB isa_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/backend/cpu/isa/*.cc)

function(dure_isa name)
  if(isa_sources)
    add_library(dure_isa_${name} OBJECT ${isa_sources})
    target_include_directories(dure_isa_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_compile_definitions(dure_isa_${name} PRIVATE DURE_ISA_NAMESPACE=${name})
    target_compile_options(dure_isa_${name} PRIVATE ${ARGN})
    set(DURE_ISA_OBJECTS ${DURE_ISA_OBJECTS} $<TARGET_OBJECTS:dure_isa_${name}> PARENT_SCOPE)
  endif()
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(avx2 -mavx2 -mfma -mf16c)
  set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
  dure_isa(avx2       ${avx2})
  dure_isa(avx512     ${avx512})
  dure_isa(avx512vnni ${avx512} -mavx512vnni)
  dure_isa(avx512bf16 ${avx512} -mavx512vnni -mavx512bf16)
endif()
