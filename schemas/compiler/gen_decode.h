#ifndef DS_SCHEMAS_COMPILER_GEN_DECODE_H
#define DS_SCHEMAS_COMPILER_GEN_DECODE_H

#include "gen.h"

/** @brief decode_<version>() and all it needs: bytes of `writer` become the struct of `reader`.
 * resolve_check() must have passed. */
void gen_decoder(struct gen *gen, const struct type *writer, const struct type *reader,
                 const char *version);

#endif
