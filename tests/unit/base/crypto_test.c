#include "base/crypto.h"

#include <criterion/criterion.h>

static ds_bytes_t bytes_of(const char *text)
{
    return (ds_bytes_t){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static void expect_hex(const uint8_t *data, uint32_t len, const char *want)
{
    ds_buf_t hex;
    const char *text;
    ds_buf_init(&hex, 1000);
    cr_assert(ds_hex_append(&hex, (ds_bytes_t){data, len}, NULL));
    cr_assert(ds_buf_cstr(&hex, &text, NULL));
    cr_assert_str_eq(text, want);
    ds_buf_cleanup(&hex);
}

Test(crypto, sha256_matches_fips_180_4)
{
    uint8_t digest[DS_SHA256_BYTES];
    cr_assert(ds_sha256(bytes_of("abc"), digest, NULL));
    expect_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_assert(ds_sha256((ds_bytes_t){NULL, 0}, digest, NULL));
    expect_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

Test(crypto, parts_are_hashed_behind_their_lengths)
{
    uint8_t parts[DS_SHA256_BYTES], whole[DS_SHA256_BYTES];
    ds_bytes_t two[] = {bytes_of("ab"), bytes_of("c")};
    static const uint8_t same[] = "\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c";
    cr_assert(ds_sha256_parts(two, 2, parts, NULL));
    cr_assert(ds_sha256((ds_bytes_t){same, sizeof same - 1}, whole, NULL));
    cr_assert_arr_eq(parts, whole, DS_SHA256_BYTES);
}

Test(crypto, parts_cut_elsewhere_hash_differently)
{
    uint8_t a[DS_SHA256_BYTES], b[DS_SHA256_BYTES], c[DS_SHA256_BYTES];
    ds_bytes_t one[] = {bytes_of("ab"), bytes_of("c")};
    ds_bytes_t two[] = {bytes_of("a"), bytes_of("bc")};
    ds_bytes_t three[] = {bytes_of("ab"), bytes_of("c"), {NULL, 0}};
    cr_assert(ds_sha256_parts(one, 2, a, NULL));
    cr_assert(ds_sha256_parts(two, 2, b, NULL));
    cr_assert(ds_sha256_parts(three, 3, c, NULL));
    cr_assert_arr_neq(a, b, DS_SHA256_BYTES);
    cr_assert_arr_neq(a, c, DS_SHA256_BYTES);
}

Test(crypto, hmac_matches_rfc_4231)
{
    uint8_t mac[DS_SHA256_BYTES];
    cr_assert(
        ds_hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"), mac, NULL));
    expect_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    uint8_t long_key[131];
    memset(long_key, 0xaa, sizeof long_key);
    cr_assert(ds_hmac_sha256((ds_bytes_t){long_key, sizeof long_key},
                             bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"),
                             mac, NULL));
    expect_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    cr_assert(ds_hmac_sha256((ds_bytes_t){NULL, 0}, (ds_bytes_t){NULL, 0}, mac, NULL));
    expect_hex(mac, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

Test(crypto, constant_time_comparison_sees_every_difference)
{
    cr_assert(ds_equal_constant_time(bytes_of("secret"), bytes_of("secret")));
    cr_assert_not(ds_equal_constant_time(bytes_of("secret"), bytes_of("secreu")));
    cr_assert_not(ds_equal_constant_time(bytes_of("secret"), bytes_of("secre")));
    cr_assert(ds_equal_constant_time((ds_bytes_t){NULL, 0}, bytes_of("")));
}

static const struct {
    const char *plain;
    const char *base64;
    const char *base64url;
} RFC4648[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
};

Test(crypto, base64_matches_rfc_4648_both_ways)
{
    ds_buf_t buf;
    ds_buf_init(&buf, 100);
    for (size_t i = 0; i < sizeof RFC4648 / sizeof *RFC4648; i++) {
        ds_buf_clear(&buf);
        cr_assert(ds_base64_append(&buf, bytes_of(RFC4648[i].plain), NULL));
        cr_assert(ds_str_eq(ds_buf_str(&buf), ds_str(RFC4648[i].base64)), "row %zu", i);
        ds_buf_clear(&buf);
        cr_assert(ds_base64url_append(&buf, bytes_of(RFC4648[i].plain), NULL));
        cr_assert(ds_str_eq(ds_buf_str(&buf), ds_str(RFC4648[i].base64url)), "row %zu", i);
        ds_buf_clear(&buf);
        cr_assert(ds_base64_decode(&buf, ds_str(RFC4648[i].base64), NULL), "row %zu", i);
        cr_assert(ds_base64_decode(&buf, ds_str(RFC4648[i].base64url), NULL), "row %zu", i);
        size_t len = strlen(RFC4648[i].plain);
        cr_assert_eq(buf.len, 2 * len, "row %zu", i);
        cr_assert(len == 0 || memcmp(buf.data + len, RFC4648[i].plain, len) == 0, "row %zu", i);
    }
    ds_buf_cleanup(&buf);
}

Test(crypto, base64_that_can_be_read_two_ways_is_refused)
{
    static const char *const wrong[] = {
        "A",    "=",     "==",   "A===",   "Zg=",  "Zg===", "Zm9v=",  "Zm9v====", "Zh==",
        "Zm9=", "Zg==x", "Z g=", "Zm9v\n", "+_+_", "Zm9v!", "Zg==Zg", "\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ds_buf_t buf;
        ds_error_t error = DS_ERROR_INIT;
        ds_buf_init(&buf, 100);
        cr_assert(ds_buf_append_text(&buf, "kept", NULL));
        cr_assert_not(ds_base64_decode(&buf, ds_str(wrong[i]), &error), "%s", wrong[i]);
        cr_assert_eq(error.code, DS_ERR_INVALID);
        cr_assert(ds_str_eq(ds_buf_str(&buf), DS_STR("kept")));
        ds_buf_cleanup(&buf);
    }
}

Test(crypto, text_forms_respect_the_buffers_maximum)
{
    ds_buf_t buf;
    ds_error_t error = DS_ERROR_INIT;
    ds_buf_init(&buf, 3);
    cr_assert_not(ds_base64_append(&buf, bytes_of("foo"), &error));
    cr_assert_eq(error.code, DS_ERR_LIMIT);
    cr_assert_not(ds_hex_append(&buf, bytes_of("fo"), &error));
    cr_assert_not(ds_base64_decode(&buf, DS_STR("Zm9vYg=="), &error));
    cr_assert_eq(buf.len, 0);
    cr_assert(ds_base64_decode(&buf, DS_STR("Zm9v"), NULL));
    ds_buf_cleanup(&buf);
}

Test(crypto, every_byte_survives_base64)
{
    uint8_t all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    for (uint32_t len = 0; len <= 256; len++) {
        ds_buf_t text, back;
        ds_buf_init(&text, 1000);
        ds_buf_init(&back, 1000);
        cr_assert(ds_base64url_append(&text, (ds_bytes_t){all, len}, NULL));
        cr_assert(ds_base64_decode(&back, ds_buf_str(&text), NULL));
        cr_assert_eq(back.len, len);
        cr_assert(len == 0 || memcmp(back.data, all, len) == 0);
        ds_buf_cleanup(&text);
        ds_buf_cleanup(&back);
    }
}

Test(crypto, crc32c_matches_rfc_3720)
{
    uint8_t data[32] = {0};
    cr_assert_eq(ds_crc32c((ds_bytes_t){data, 32}), 0x8A9136AA);
    memset(data, 0xFF, sizeof data);
    cr_assert_eq(ds_crc32c((ds_bytes_t){data, 32}), 0x62A8AB43);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = i;
    cr_assert_eq(ds_crc32c((ds_bytes_t){data, 32}), 0x46DD794E);
    cr_assert_eq(ds_crc32c(bytes_of("123456789")), 0xE3069283);
    cr_assert_eq(ds_crc32c((ds_bytes_t){NULL, 0}), 0);
}

Test(crypto, fingerprint_is_fnv_1a)
{
    cr_assert_eq((uint64_t)ds_fingerprint64((ds_bytes_t){NULL, 0}), UINT64_C(0xcbf29ce484222325));
    cr_assert_eq((uint64_t)ds_fingerprint64(bytes_of("a")), UINT64_C(0xaf63dc4c8601ec8c));
    cr_assert_eq((uint64_t)ds_fingerprint64(bytes_of("foobar")), UINT64_C(0x85944171f73967e8));
}
