# muster_discover_cases(<target> LABEL <label>): one CTest test per Boost.Test case of <target>, found after each build.
# Boost has no CMake helper of its own for this.
set(MUSTER_LIST_CASES ${CMAKE_CURRENT_LIST_DIR}/list_cases.cmake)

function(muster_discover_cases target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "")
  set(cases ${CMAKE_CURRENT_BINARY_DIR}/${target}_cases.cmake)
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${target}_include.cmake)
  add_custom_command(TARGET ${target} POST_BUILD BYPRODUCTS ${cases}
    COMMAND ${CMAKE_COMMAND} -DEXECUTABLE=$<TARGET_FILE:${target}> -DTARGET=${target} -DLABEL=${arg_LABEL} -DOUTPUT=${cases}
            -P ${MUSTER_LIST_CASES}
    VERBATIM)
  # A program that was not built fails as a test: it must not look like a program without cases.
  file(WRITE ${include} "if(EXISTS \"${cases}\")
  include(\"${cases}\")
else()
  add_test(${target}_was_not_built ${target}_was_not_built)
  set_tests_properties(${target}_was_not_built PROPERTIES LABELS ${arg_LABEL})
endif()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()
