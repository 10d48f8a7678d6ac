/* api/address.c - whose request it is, for limits. */
#include "api/intake.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct network {
    int family;
    uint8_t bytes[16];
    int bits;
};

static ds_str_t without_blanks(ds_str_t text)
{
    while (text.len > 0 && text.data[0] == ' ')
        text = (ds_str_t){text.data + 1, text.len - 1};
    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text;
}

static bool parse_address(ds_str_t text, int *family_out, uint8_t bytes_out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[64];
    memset(bytes_out, 0, 16);
    if (!ds_str_to_array(without_blanks(text), copy, sizeof copy))
        return false;
    *family_out = AF_INET;
    if (inet_pton(AF_INET, copy, bytes_out) == 1)
        return true;
    *family_out = AF_INET6;
    if (inet_pton(AF_INET6, copy, bytes_out) != 1)
        return false;
    /* ::ffff:1.2.3.4: what a listener for both families calls 1.2.3.4. As IPv6 all of them would
     * share one /64. */
    if (memcmp(bytes_out, mapped, sizeof mapped) == 0) {
        *family_out = AF_INET;
        memmove(bytes_out, bytes_out + 12, 4);
        memset(bytes_out + 4, 0, 12);
    }
    return true;
}

static bool parse_network(ds_str_t text, struct network *network_out)
{
    ds_str_t address = ds_str_before(text, '/');
    ds_str_t bits_text = ds_str_after(text, '/');
    int64_t bits = 0;
    if (!parse_address(address, &network_out->family, network_out->bytes))
        return false;
    int most = network_out->family == AF_INET ? 32 : 128;
    network_out->bits = most;
    if (address.len == text.len)
        return true;
    while (bits_text.len > 0 && bits_text.data[bits_text.len - 1] == ' ')
        bits_text.len--;
    if (!ds_str_to_i64(bits_text, &bits) || bits < 0 || bits > most)
        return false;
    network_out->bits = (int)bits;
    return true;
}

static bool inside(const struct network *network, int family, const uint8_t bytes[16])
{
    int whole = network->bits / 8;
    int rest = network->bits % 8;
    if (family != network->family || memcmp(network->bytes, bytes, (size_t)whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned mask = 0xffU << (8 - rest) & 0xffU;
    return ((network->bytes[whole] ^ bytes[whole]) & mask) == 0;
}

static bool is_trusted(ds_str_t address, const char *trusted)
{
    int family;
    uint8_t bytes[16];
    ds_str_t rest = ds_str(trusted);
    if (!parse_address(address, &family, bytes))
        return false;
    while (rest.len > 0) {
        struct network network;
        ds_str_t one = ds_str_before(rest, ',');
        rest = ds_str_after(rest, ',');
        if (parse_network(one, &network) && inside(&network, family, bytes))
            return true;
    }
    return false;
}

bool ds_trusted_proxies_check(const char *trusted, ds_error_t *error)
{
    ds_str_t rest = ds_str(trusted);
    while (rest.len > 0) {
        struct network network;
        ds_str_t one = ds_str_before(rest, ',');
        rest = ds_str_after(rest, ',');
        if (!parse_network(one, &network))
            return ds_error_set(error, DS_DOMAIN_HTTP, DS_ERR_INVALID,
                                "TRUSTED_PROXIES: \"%.*s\" is no address or network such as "
                                "10.0.0.0/8",
                                DS_STR_ARG(one));
    }
    return true;
}

static ds_str_t last_hop(ds_str_t *hops)
{
    uint32_t at = hops->len;
    while (at > 0 && hops->data[at - 1] != ',')
        at--;
    ds_str_t hop = {hops->data + at, hops->len - at};
    hops->len = at > 0 ? at - 1 : 0;
    return hop;
}

static bool is_port(ds_str_t text)
{
    int64_t port;
    return ds_str_to_i64(text, &port) && port >= 0 && port <= 65535;
}

/* Some proxies write "203.0.113.7:51234" and "[2001:db8::1]:443". What is neither stays whole. */
static ds_str_t without_port(ds_str_t hop)
{
    hop = without_blanks(hop);
    if (hop.len == 0 || hop.data[0] != '[')
        return is_port(ds_str_after(hop, ':')) ? ds_str_before(hop, ':') : hop;
    ds_str_t address = ds_str_before((ds_str_t){hop.data + 1, hop.len - 1}, ']');
    uint32_t end = address.len + 2; /* behind the bracket */
    if (end == hop.len)
        return address;
    return end < hop.len && hop.data[end] == ':' &&
                   is_port((ds_str_t){hop.data + end + 1, hop.len - end - 1})
               ? address
               : hop;
}

bool ds_client_address(const char *peer, ds_str_t forwarded_for, const char *trusted,
                       char address_out[64])
{
    int family;
    uint8_t bytes[16];
    bool read = true;
    ds_str_t client = ds_str(peer);
    /* From right to left: each hop is believed only as long as the one that named it is ours. */
    while (read && forwarded_for.len > 0 && is_trusted(client, trusted)) {
        ds_str_t hop = without_port(last_hop(&forwarded_for));
        read = parse_address(hop, &family, bytes);
        if (read)
            client = hop;
    }
    (void)snprintf(address_out, 64, "%s", peer);
    if (!parse_address(client, &family, bytes))
        return read;
    if (family == AF_INET6)
        memset(bytes + 8, 0, 8); /* a household has a /64 */
    if (inet_ntop(family, bytes, address_out, 64) == NULL)
        (void)snprintf(address_out, 64, "%s", peer);
    return read;
}
