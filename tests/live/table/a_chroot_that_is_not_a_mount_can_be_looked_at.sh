# shellcheck shell=bash
# The root is a plain directory: mount(2) cannot make its / private.
must rb install arm64
bin=$(dirname "$(command -v rbinfmt)")
mkdir -p root/proc root/tmp
for directory in /usr /lib /lib64 /bin "$bin"; do
    [ -d "$directory" ] || continue
    mkdir -p "root$directory"
    must mount --bind "$directory" "root$directory"
done
must mount --rbind /proc root/proc
must umount "root$TABLE"
mounts=$(cat /proc/self/mountinfo)
chroot root "$bin/rbinfmt" --private status --no-verify >out 2>&1 || fail "$(cat out)"
grep -q qemu-aarch64 out || fail "$(cat out)"
[ "$mounts" = "$(cat /proc/self/mountinfo)" ] || fail "mounts are left: $(cat /proc/self/mountinfo)"
