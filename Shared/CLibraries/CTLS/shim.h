// libssl of OpenSSL 3, with its macros as functions.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline int cadre_tls_set_min_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline int cadre_tls_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

// What waits in a memory BIO; valid until the BIO is changed.
static inline size_t cadre_tls_waiting(BIO *bio, const void **data) {
  char *start = NULL;
  long count = BIO_get_mem_data(bio, &start);
  *data = start;
  return count > 0 ? (size_t)count : 0;
}

static inline void cadre_tls_reset(BIO *bio) { (void)BIO_reset(bio); }
