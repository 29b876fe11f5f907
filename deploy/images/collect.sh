#!/bin/sh
# Usage: collect.sh PROGRAM FOLDER [MORE...]. Copies a program and all that it needs to run into the folder: its libraries,
# their loader, certificates, time zones, and the two files by which a user has a name. Nothing else is in its image. MORE are
# programs that it starts (copied beside it) and libraries that those load (*.so: only what they stand on is copied).
set -eu
program=$1 root=$2
shift 2
mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/usr/share" "$root/data" "$root/tmp" "$root/usr/share/cadre"
copy() { mkdir -p "$root$(dirname "$1")"; cp -L "$1" "$root$1"; }
: > /tmp/libraries
for file in "$program" "$@"; do
  case $file in *.so) ;; *) install -m 0555 "$file" "$root/usr/bin/$(basename "$file")" ;; esac
  # One that is linked statically has none.
  ldd "$file" >> /tmp/libraries 2> /dev/null || true
done
if grep -q 'not found' /tmp/libraries; then
  echo "$program needs libraries that are not there:" >&2
  grep 'not found' /tmp/libraries >&2
  exit 1
fi
awk '/=> \//{print $3} /^[[:space:]]*\//{print $1}' /tmp/libraries | sort -u | while read -r library; do copy "$library"; done
# Names are looked up by these, which no program lists.
for library in /lib/x86_64-linux-gnu/libnss_dns.so.2 /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/x86_64-linux-gnu/libresolv.so.2 \
  /lib/aarch64-linux-gnu/libnss_dns.so.2 /lib/aarch64-linux-gnu/libnss_files.so.2 /lib/aarch64-linux-gnu/libresolv.so.2; do
  if [ -e "$library" ]; then copy "$library"; fi
done
copy /etc/ssl/certs/ca-certificates.crt
# Policies know the zones of this database; without it a policy that names one denies.
cp -RL /usr/share/zoneinfo "$root/usr/share/zoneinfo"
printf 'root:x:0:0::/:/sbin/nologin\ncadre:x:65532:65532::/data:/sbin/nologin\n' > "$root/etc/passwd"
printf 'root:x:0:\ncadre:x:65532:\n' > "$root/etc/group"
printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
chown 65532:65532 "$root/data"
chmod 1777 "$root/tmp"
# The list of what is inside, with the packages that it comes from: the software bill of materials of this image.
if command -v dpkg-query >/dev/null; then
  {
    awk '/=> \//{print $3} /^[[:space:]]*\//{print $1}' /tmp/libraries | sort -u | while read -r library; do
      dpkg-query -S "$(readlink -f "$library")" 2>/dev/null || dpkg-query -S "$library" 2>/dev/null || true
    done
    printf 'ca-certificates:\ntzdata:\n'
  } | cut -d: -f1 | sort -u | while read -r package; do dpkg-query -W -f '${Package} ${Version}\n' "$package" 2>/dev/null || true; done | sort -u \
    > "$root/usr/share/cadre/packages.txt"
fi
