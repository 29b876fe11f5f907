// libcurl. The variadic setters are wrapped because Swift cannot call variadic C functions.
#pragma once
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

static inline CURLcode cadre_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode cadre_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode cadre_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode cadre_curl_set_off_t(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
typedef size_t (*cadre_curl_data_callback)(char *, size_t, size_t, void *);
static inline CURLcode cadre_curl_set_callback(CURL *handle, CURLoption option, cadre_curl_data_callback value) {
  return curl_easy_setopt(handle, option, value);
}
typedef curl_socket_t (*cadre_curl_open_callback)(void *, curlsocktype, struct curl_sockaddr *);
static inline CURLcode cadre_curl_set_open(CURL *handle, cadre_curl_open_callback value, void *context) {
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, context);
  return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}
static inline CURLcode cadre_curl_set_list(CURL *handle, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(handle, option, value);
}
/// The bytes of an address that libcurl is about to connect to: 4 or 16, or 0 for other families.
static inline int cadre_curl_address(const struct curl_sockaddr *address, unsigned char bytes[16]) {
  if (address->family == AF_INET && address->addrlen >= sizeof(struct sockaddr_in)) {
    memcpy(bytes, &((const struct sockaddr_in *)&address->addr)->sin_addr, 4);
    return 4;
  }
  if (address->family == AF_INET6 && address->addrlen >= sizeof(struct sockaddr_in6)) {
    memcpy(bytes, &((const struct sockaddr_in6 *)&address->addr)->sin6_addr, 16);
    return 16;
  }
  return 0;
}
static inline CURLcode cadre_curl_get_status(CURL *handle, long *status) {
  return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, status);
}
static inline CURLcode cadre_curl_get_sent(CURL *handle, long *bytes) {
  return curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, bytes);
}
typedef int (*cadre_curl_socket_callback)(CURL *, curl_socket_t, int, void *, void *);
typedef int (*cadre_curl_timer_callback)(CURLM *, long, void *);
static inline void cadre_curl_multi_setup(
    CURLM *multi, cadre_curl_socket_callback on_socket, cadre_curl_timer_callback on_timer, void *context,
    long connections_max) {
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections_max);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}
/// The handle and code of a finished transfer; NULL when there is none.
static inline CURL *cadre_curl_next_finished(CURLM *multi, CURLcode *code) {
  int left = 0;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left))) {
    if (message->msg == CURLMSG_DONE) {
      *code = message->data.result;
      return message->easy_handle;
    }
  }
  return 0;
}
