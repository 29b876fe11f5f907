#!/bin/sh
# What Traefik does with the files of deploy/traefik, done by HAProxy: TLS at 8443, redirection at 8081, and a request for which no
# connection to a gateway was made goes to another one. It does not read them.
set -eu
if [ "$1" = healthcheck ]; then exec wget -q -O /dev/null http://127.0.0.1:8082/ping; fi
cat /run/secrets/tls_certificate /run/secrets/tls_key > /tmp/tls.pem
cat > /tmp/haproxy.cfg << 'CONFIG'
global
  maxconn 2000
defaults
  mode http
  timeout connect 2s
  timeout client 180s
  timeout server 1h
  retries 4
  option redispatch 1
  retry-on conn-failure
  option http-no-delay
resolvers engine
  nameserver dns 127.0.0.11:53
  accepted_payload_size 8192
  hold valid 500ms
  hold obsolete 500ms
  timeout resolve 500ms
  timeout retry 500ms
frontend http
  bind :8081
  http-request redirect scheme https
frontend admin
  bind :8082
  http-request return status 200 if { path /ping }
  http-request use-service prometheus-exporter if { path /metrics }
frontend https
  bind :8443 ssl crt /tmp/tls.pem ssl-min-ver TLSv1.2 alpn h2,http/1.1
  http-request del-header X-Forwarded-For
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto https
  http-response set-header Strict-Transport-Security max-age=31536000
  default_backend gateway
backend gateway
  balance leastconn
  http-reuse always
  option httpchk GET /healthz
  default-server check inter 1s fall 1 rise 1 resolvers engine init-addr none
  server-template gateway 6 gateway:8080
CONFIG
exec haproxy -f /tmp/haproxy.cfg
