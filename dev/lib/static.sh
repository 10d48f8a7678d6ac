# shellcheck shell=bash
# Checks that need no running shop. Each function is one check for tally.sh, from the root folder.

# Files of the checkout, also those not yet committed, by pathspec.
our_files() {
    # The checkout may belong to another user (a container's volume).
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard -- "$@" | while IFS= read -r -d '' file; do
        if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
}
our_scripts() {
    our_files | while IFS= read -r file; do
        case $file in *.sh | *.env) ;; *)
            head -c 64 "$file" | head -n 1 | tr -d '\0' | grep -Eq '^#!.*\b(bash|sh)\b' || continue
            ;;
        esac
        printf '%s\n' "$file"
    done
}

# Without this list every check below would pass without having looked.
checkout_can_be_listed() { [ -n "$(our_files 'dev/*')" ] || { echo 'git cannot list the files here'; return 1; }; }

scripts_pass_shellcheck() {
    our_scripts | xargs -r -d '\n' shellcheck -x -P SCRIPTDIR -P .
}

c_files_are_formatted() {
    local wrong
    wrong=$(our_files '*.c' '*.h' | xargs -r -d '\n' clang-format-14 --dry-run 2>&1 |
        sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: warning: .*/\1/p' | sort -u)
    [ -z "$wrong" ] && return 0
    printf 'to be formatted with clang-format-14 -i:\n%s\n' "$wrong"
    return 1
}

forbidden_functions_are_not_used() {
    local names='sprintf|vsprintf|strcpy|strcat|strncpy|strncat|atoi|sscanf|strtok|gets|alloca'
    ! our_files '*.c' '*.h' | xargs -r -d '\n' grep -nE "\\b($names)[[:space:]]*\\("
}

c_files_have_at_most_800_lines() {
    our_files '*.c' '*.h' | xargs -r -d '\n' awk 'FNR == 801 { print FILENAME ": over 800 lines"; bad = 1 }
        END { exit bad }'
}

# Pure deciders: no header of another folder, no Kafka, SQL, clock, thread or socket.
processors_are_pure() {
    local bad=0
    [ -n "$(our_files 'processors/*.c')" ] || skip 'there is no processor yet' || return
    our_files 'processors/*.c' 'processors/*.h' | xargs -r -d '\n' grep -nE '^[[:space:]]*#[[:space:]]*include "' |
        grep -vE 'include "(base|schemas|decider|processors)/' && bad=1
    our_files 'processors/*.c' 'processors/*.h' | xargs -r -d '\n' grep -nE \
        '#[[:space:]]*include <(librdkafka|libpq|mongoc|bson|microhttpd|curl|pthread|threads|time|sys|unistd|netinet)' && bad=1
    return "$bad"
}

# Every header is complete without what happens to be included before it. The generated headers
# are those of the build under test.
headers_compile_alone() {
    local header generated=build/${DOORSTEP_PRESET:-dev}/schemas/generated flags bad=0
    [ -f "$generated/schemas/generated.h" ] || skip "$generated is not built" || return
    flags=$(pkg-config --cflags rdkafka libpq libmongoc-1.0 libmicrohttpd jansson libcurl openssl avro-c)
    while IFS= read -r header; do
        # shellcheck disable=SC2086 # a list of flags
        echo "#include \"$header\"" | cc -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Wall -Wextra -Werror \
            -fsyntax-only -I. -I"$generated" -Itests/support/stream $flags -x c - || bad=1
    done < <(our_files '*.h')
    return "$bad"
}

json_files_parse() {
    our_files '*.json' '*.avsc' | while IFS= read -r file; do jq empty "$file" || exit 1; done
}

configuration_page_is_current() {
    local binary=build/${DOORSTEP_PRESET:-dev}/doorstep
    [ -x "$binary" ] || skip "$binary is not built" || return
    [ -f docs/configuration.md ] || { echo 'docs/configuration.md is missing: doorstep config-doc writes it'; return 1; }
    diff -u docs/configuration.md <("$binary" config-doc)
}

reasons_page_is_current() { checker dev/tools/reasons_check.py; }

released_schemas_can_be_read() {
    local binary=build/${DOORSTEP_PRESET:-dev}/doorstep
    [ -x "$binary" ] || skip "$binary is not built" || return
    "$binary" schemas check --schemas schemas
}

checker() { "$CHECKS_VENV/bin/python" "$@"; }

dockerfile_passes_hadolint() { "$CHECKS_VENV/bin/hadolint" Dockerfile; }
compose_file_follows_the_schema() {
    checker -m check_jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
}
workflow_follows_the_schema() {
    our_files '.github/workflows/*.yml' |
        xargs -d '\n' "$CHECKS_VENV/bin/python" -m check_jsonschema --builtin-schema vendor.github-workflows
}
compose_file_is_consistent() { checker dev/tools/compose_check.py docker-compose.yml .env.example; }

static_checks() {
    check checkout_can_be_listed checkout_can_be_listed
    check scripts_pass_shellcheck scripts_pass_shellcheck
    check c_files_are_formatted c_files_are_formatted
    check forbidden_functions_are_not_used forbidden_functions_are_not_used
    check c_files_have_at_most_800_lines c_files_have_at_most_800_lines
    check processors_are_pure processors_are_pure
    check headers_compile_alone headers_compile_alone
    check json_files_parse json_files_parse
    check dockerfile_passes_hadolint dockerfile_passes_hadolint
    check compose_file_follows_the_schema compose_file_follows_the_schema
    check compose_file_is_consistent compose_file_is_consistent
    check workflow_follows_the_schema workflow_follows_the_schema
    check configuration_page_is_current configuration_page_is_current
    check released_schemas_can_be_read released_schemas_can_be_read
    check reasons_page_is_current reasons_page_is_current
}
