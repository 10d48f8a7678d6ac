/* base/contact.h - the syntax of what a customer is reached by. Pure, any thread.
 *
 * Used at the door (api) and again before anything is sent: a log may hold what a door has never
 * seen. Whether anybody is there only the mail server knows. */
#ifndef DS_BASE_CONTACT_H
#define DS_BASE_CONTACT_H

#include "base/str.h"

#define DS_EMAIL_MAX_BYTES      254 /* RFC 5321, 4.5.3.1.3 without the brackets */
#define DS_PUSH_TOKEN_MAX_BYTES 512
#define DS_LANGUAGE_MAX_BYTES   35 /* RFC 5646, 4.4.1 */

/** @brief local@domain as mail servers everywhere take it: a dot-atom of ASCII (RFC 5322, 3.2.3) of
 *  at most 64 bytes, then at least two labels of letters, digits and hyphens. No quoted names, no
 *  address literals, no comments, nothing that could end a line or an address. */
bool ds_email_valid(ds_str_t text);
/** @brief 1 to 512 visible ASCII characters without quotes, backslash, angle brackets and spaces.
 */
bool ds_push_token_valid(ds_str_t text);
/** @brief Well-formed as BCP 47 in its ordinary form: a language of 2 to 8 letters, then subtags of
 *  1 to 8 letters and digits, hyphens between; at most 35 bytes. */
bool ds_language_valid(ds_str_t text);

#endif
