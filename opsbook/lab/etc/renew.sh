# Bring a server back to what it was like when it was made: new files go, changed ones come back, what runs follows them.
kept=/var/lib/opsbook-lab/baseline
cd /
now() { find etc usr/local home root opt -xdev | sort; }
fresh=$(now | comm -13 "$kept/list" -)
gone=$(now | comm -23 "$kept/list" -)
changed=$(find etc usr/local home root opt -xdev -cnewer "$kept/mark" | sort | comm -12 "$kept/list" -)
touched() { grep --quiet --extended-regexp "^($1)" <<<"$fresh"$'\n'"$gone"$'\n'"$changed"; }

# Units first, while their files are there; a running program's file could not be replaced either.
for unit in $(sed --quiet 's|^etc/systemd/system/\([^/]*\.\(service\|timer\|socket\)\)$|\1|p' <<<"$fresh"); do
    systemctl stop "$unit" 2>/dev/null || true
done
units=$(systemctl list-units --all --plain --no-legend 'opsbook-*' 'run-*.timer' | cut -d' ' -f1)
[ -z "$units" ] || systemctl stop $units 2>/dev/null || true
pkill -KILL -x 'node_exporter(.*)?' || true
if command -v docker >/dev/null; then
    loose=$(docker ps --all --format '{{.Names}} {{.Label "com.docker.compose.project"}}' | awk 'NF == 1 { print $1 }')
    [ -z "$loose" ] || docker rm --force --volumes $loose >/dev/null
fi
firewall=$(touched etc/ufw && echo changed || true)
if [ -n "$firewall" ] && grep --quiet '^ENABLED=no' "$kept/etc/ufw/ufw.conf"; then
    ufw --force disable >/dev/null
    for program in iptables ip6tables; do $program --wait --flush; $program --wait --delete-chain; done # ufw leaves its own empty
fi
sockets=$(systemctl is-active ssh.socket || true)

tac <<<"$fresh" | while IFS= read -r path; do [ -z "$path" ] || rm -rf --one-file-system "/$path"; done
{ echo "$gone"; echo "$changed"; } | sort -u | while IFS= read -r path; do
    [ -n "$path" ] || continue
    if [ -d "$kept/$path" ] && [ ! -L "$kept/$path" ]; then
        mkdir -p "/$path"
        chown --reference="$kept/$path" "/$path"
        chmod --reference="$kept/$path" "/$path"
    elif [ -f "/$path" ] && [ ! -L "/$path" ] && [ -f "$kept/$path" ] && cmp --silent "$kept/$path" "/$path"; then
        chown --reference="$kept/$path" "/$path"
        chmod --reference="$kept/$path" "/$path"
    else
        cp --archive --no-target-directory --remove-destination "$kept/$path" "/$path"
    fi
done
rm -rf /var/lib/opsbook /var/lib/node_exporter /run/opsbook

if touched 'etc/systemd|etc/init\.d|usr/local/lib/systemd'; then systemctl daemon-reload; systemctl reset-failed; fi
if [ "$sockets" = active ]; then systemctl stop ssh.socket ssh.service; systemctl daemon-reload; fi
if touched etc/ssh || [ "$sockets" = active ]; then
    systemctl reset-failed ssh.service 2>/dev/null || true # several restarts in ten seconds are no crash loop
    systemctl restart ssh.service
fi
if [ -n "$firewall" ] && grep --quiet '^ENABLED=yes' /etc/ufw/ufw.conf; then ufw reload >/dev/null; fi
for program in iptables ip6tables; do
    if $program --wait --list-rules DOCKER-USER 2>/dev/null | grep '^-A' | grep --quiet --invert-match -- '-j RETURN'; then
        $program --wait --flush DOCKER-USER
        $program --wait --append DOCKER-USER --jump RETURN
    fi
done
until touch "$kept/mark.new" && [ "$kept/mark.new" -nt "$kept/mark" ]; do sleep 0.01; done
mv "$kept/mark.new" "$kept/mark"
