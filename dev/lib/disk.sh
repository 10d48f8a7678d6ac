# shellcheck shell=bash
# A disk of its own for a server's data, which a test can fill: a tmpfs. With DOORSTEP_OWN_DISKS=1 in the
# environment each server gets one at its first start; `reset` takes it away. Only root may mount, and
# in many containers not even root: own_disks_can_be says so, and then nobody gets one.
#
# A disk is filled by taking away what is free of it, so that a full one costs no memory.

DISK_SIZE=${DOORSTEP_DISK_SIZE:-8g} # the most it may hold; only what is written needs memory

own_disks_can_be() {
    local dir rc=0
    if [ "$(id -u)" != 0 ] || ! have mount || ! have mountpoint; then return 1; fi
    dir=$(mktemp -d)
    { mount -t tmpfs -o size=1m tmpfs "$dir" && umount "$dir"; } 2>/dev/null || rc=1
    rmdir "$dir"
    return "$rc"
}

is_own_disk() { have mountpoint && mountpoint -q "$1"; }

# disk_mount FOLDER : before the server's first start; nothing where it has data already.
disk_mount() {
    if [ "${DOORSTEP_OWN_DISKS:-0}" != 1 ] || is_own_disk "$1"; then return 0; fi
    mkdir -p "$1"
    [ -z "$(ls -A "$1")" ] || return 0
    mount -t tmpfs -o "size=$DISK_SIZE,mode=0755" tmpfs "$1"
}

disk_unmount() {
    if is_own_disk "$1"; then umount "$1"; fi
}

# In KB. A disk that grew meanwhile cannot be made so small.
disk_shrink() {
    local used
    used=$(df -Pk "$1" | awk 'NR == 2 { print $3 }')
    mount -o "remount,size=${used}k" "$1" 2>/dev/null
}

# disk_full NAME, disk_room NAME : not a byte more, and as much as ever.
disk_full() {
    local folder
    folder=$("$1_disk")
    is_own_disk "$folder" || die "$1 has no disk of its own: see DOORSTEP_OWN_DISKS in dev/lib/disk.sh"
    wait_until 10 disk_shrink "$folder" || die "the disk of $1 grows too fast"
}
disk_room() { mount -o "remount,size=$DISK_SIZE" "$("$1_disk")"; }
