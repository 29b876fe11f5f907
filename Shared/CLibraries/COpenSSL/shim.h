// libcrypto of OpenSSL 3.
#pragma once
#include <openssl/evp.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

// A macro that Swift does not see.
static inline int cadre_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }
