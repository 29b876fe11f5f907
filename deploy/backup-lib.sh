# Shared by backup, restore and recover: the passphrase, decryption, checksums, and storage that speaks S3.

# S3 takes 5 GiB at most in one piece; larger files are sent as several objects.
piece_bytes=${CADRE_BACKUP_PIECE_BYTES:-4294967296}
# A connection on which nothing moves for so long is ended.
stall_seconds=${CADRE_BACKUP_STALL_SECONDS:-60}

# find_passphrase: sets `passphrase` to the file of it, and ends when there is none. gpg takes the first line, and would take an empty one.
find_passphrase() {
  passphrase=${CADRE_BACKUP_PASSPHRASE_FILE:-$secrets/backup_passphrase}
  [ -f "$passphrase" ] && [ -r "$passphrase" ] || fail "the passphrase $passphrase cannot be read"
  local first=""
  IFS= read -r first < "$passphrase" || true
  [ -n "${first//[[:space:]]/}" ] || fail "the first line of $passphrase is empty: there has to be a passphrase in it"
}

decrypt() { gpg --batch --quiet --decrypt --pinentry-mode loopback --passphrase-file "$passphrase" "$1"; }

# check_sum FILE: against the checksum beside it, where there is one.
check_sum() {
  [ -e "$1.sha256" ] || return 0
  local wanted
  read -r wanted _ < "$1.sha256" || true
  [ "$wanted" = "$(sha256sum < "$1" | cut -d ' ' -f 1)" ] || fail "$1 is damaged: it has not the checksum that stands in $1.sha256"
}

# s3 ADDRESS SHA256 OPTION...: one signed request; ends well only with status 200. A redirection is no success.
s3() {
  local address=$1 sum=$2 status
  shift 2
  [ -n "${AWS_ACCESS_KEY_ID:-}" ] && [ -n "${AWS_SECRET_ACCESS_KEY:-}" ] || fail "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have to be set"
  # The checksum is part of what is signed: storage refuses a body that arrives otherwise.
  status=$(curl --silent --show-error --globoff --retry 5 --connect-timeout 20 --speed-limit 1 --speed-time "$stall_seconds" \
    --aws-sigv4 "aws:amz:${AWS_REGION:-us-east-1}:s3" --header "x-amz-content-sha256: $sum" --write-out '%{http_code}' \
    --config <(printf 'user = "%s:%s"\n' "${AWS_ACCESS_KEY_ID//[\"\\]/\\&}" "${AWS_SECRET_ACCESS_KEY//[\"\\]/\\&}"
      [ -z "${AWS_SESSION_TOKEN:-}" ] || printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN") "$@" "$address") || return 1
  [ "$status" = 200 ] || { echo "$address answers with status $status" >&2; return 1; }
}

empty_sum=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

# s3_put FILE ADDRESS
s3_put() { s3 "$2" "$(sha256sum < "$1" | cut -d ' ' -f 1)" --output /dev/null --upload-file "$1"; }

# s3_get ADDRESS FILE
s3_get() { s3 "$1" "$empty_sum" --output "$2"; }

# s3_send FILE PREFIX: the file, in pieces when it is large, and its checksum at the end: what has none did not arrive whole.
s3_send() {
  local file=$1 prefix=${2%/} name size pieces number piece
  name=$(basename "$file")
  size=$(stat -c %s "$file")
  if [ "$size" -le "$piece_bytes" ]; then
    s3_put "$file" "$prefix/$name" || return 1
  else
    pieces=$(((size + piece_bytes - 1) / piece_bytes))
    piece=$(mktemp "$(dirname "$file")/.cadre-piece.XXXXXX")
    for ((number = 0; number < pieces; number++)); do
      # A pipe would end with an error, for its reader leaves first.
      head -c "$piece_bytes" < <(tail -c "+$((number * piece_bytes + 1))" "$file" 2> /dev/null) > "$piece" &&
        s3_put "$piece" "$prefix/$name.piece-$number" || { rm -f "$piece"; return 1; }
    done
    printf '%s\n' "$pieces" > "$piece"
    s3_put "$piece" "$prefix/$name.pieces" || { rm -f "$piece"; return 1; }
    rm -f "$piece"
  fi
  s3_put "$file.sha256" "$prefix/$name.sha256"
}

# fetch ADDRESS FOLDER: what s3_send has sent; sets `file`.
fetch() {
  local address=$1 folder=$2 pieces number
  file=$folder/$(basename "$address")
  [ ! -e "$file" ] || fail "$file is there already: name it instead of $address, or move it away"
  mkdir -p "$folder"
  say "fetching $address"
  rm -f "$file.part" "$file.piece"
  s3_get "$address.sha256" "$file.sha256" || { rm -f "$file.sha256"; fail "$address.sha256 cannot be fetched: a backup without it did not arrive whole"; }
  if s3_get "$address.pieces" "$file.piece" 2> /dev/null; then
    read -r pieces < "$file.piece"
    [[ $pieces =~ ^[0-9]{1,5}$ ]] || fail "$address.pieces holds no number"
    for ((number = 0; number < pieces; number++)); do
      s3_get "$address.piece-$number" "$file.piece" || fail "$address.piece-$number cannot be fetched"
      cat "$file.piece" >> "$file.part"
    done
  else
    s3_get "$address" "$file.part" || fail "$address cannot be fetched"
  fi
  rm -f "$file.piece"
  mv "$file.part" "$file"
  check_sum "$file"
}
