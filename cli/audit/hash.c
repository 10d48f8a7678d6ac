/* Multiply and fold, the core of wyhash (Wang Yi, public domain), in two lanes. See hash.h. */
#include "cli/audit/hash.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide_t;

#define KEY_0 UINT64_C(0xA0761D6478BD642F)
#define KEY_1 UINT64_C(0xE7037ED1A0B428DB)
#define KEY_2 UINT64_C(0x8EBC6AF09C88C6E3)
#define KEY_3 UINT64_C(0x589965CC75374CC3)

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    wide_t product = (wide_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline void step(uint64_t state[2], const uint8_t block[16])
{
    uint64_t words[2];
    memcpy(words, block, sizeof words);
    state[0] = mix(words[0] ^ KEY_0, words[1] ^ state[0]);
    state[1] = mix(words[1] ^ KEY_1, words[0] ^ state[1]);
}

void ds_audit_hash_bytes(ds_bytes_t bytes, uint64_t hash_out[2])
{
    uint64_t state[2] = {KEY_2, KEY_3};
    uint8_t last[16] = {0};
    size_t at = 0;

    for (; at + 16 <= bytes.len; at += 16)
        step(state, bytes.data + at);
    if (at < bytes.len)
        memcpy(last, bytes.data + at, bytes.len - at);
    step(state, last);
    hash_out[0] = mix(state[0] ^ KEY_1, bytes.len ^ KEY_2);
    hash_out[1] = mix(state[1] ^ KEY_0, bytes.len ^ KEY_3);
    if (hash_out[0] == 0 && hash_out[1] == 0)
        hash_out[1] = 1;
}

void ds_audit_hash(ds_str_t text, uint64_t hash_out[2])
{
    ds_audit_hash_bytes((ds_bytes_t){(const uint8_t *)text.data, text.len}, hash_out);
}
