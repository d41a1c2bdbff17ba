#!/bin/sh
# Finish a Debian root so that it can be a server of the lab: finish-root.sh ROOT
set -eu
root=$1
here=$(dirname "$0")

install -m 0755 "$here/boot.sh" "$root/sbin/lab-boot"

# Each lab has host keys of its own, so an image has none.
rm -f "$root"/etc/ssh/ssh_host_*

chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 claude-admin
chroot "$root" useradd --create-home --shell /usr/bin/git-shell --uid 1001 git
chroot "$root" usermod --append --groups adm,systemd-journal claude-admin
if chroot "$root" getent group docker >/dev/null; then
    chroot "$root" usermod --append --groups docker claude-admin
fi

# Nothing of a lab may wake up and change the machine by itself.
chroot "$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    getty.target console-getty.service systemd-firstboot.service
ln -sf /usr/share/zoneinfo/Etc/UTC "$root/etc/localtime"
: > "$root/etc/machine-id"
