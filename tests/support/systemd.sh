# systemd.sh FOLDER PYTHON PACKAGES CHECKOUT SOCKETS: a machine that is this one until something is written.
#
# Its PID 1 is systemd, in namespaces of its own, on overlays that lie in memory: nothing of it reaches this
# machine's files, network, processes or services. It ends with standard input, and leaves nothing.
set -eu
folder=$1

# Outside, with mounts of our own: a control group for all that runs there, which is removed in the end.
if [ -z "${GROUP-}" ]; then
  mount -t cgroup2 cgroup2 "$folder"
  export GROUP="$folder$(sed -n 's/^0:://p' /proc/self/cgroup)/jobferry-$$"
  mkdir "$GROUP"
  exec 3<&0
  sh -ec 'echo $$ >"$GROUP/cgroup.procs"
    exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup sh "$0" "$@"' "$0" "$@" </dev/null 3<&- &
  machine=$!
  (cat <&3 >/dev/null; kill -9 $machine) &
  watch=$!
  wait $machine && code=0 || code=$?
  kill $watch 2>/dev/null || true
  # Who was killed leaves the group a moment later.
  until find "$GROUP" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
  exit $code
fi

# Inside. view SOURCE TARGET: the source is there, and may be written to.
mount -t tmpfs tmpfs "$folder"
view() {
  layers=$(mktemp -d "$folder/XXXXXX")
  mkdir -p "$layers/upper" "$layers/work" "$2"
  chmod 755 "$layers" "$layers/upper"
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$layers/upper,workdir=$layers/work" "$2"
}
root=$folder/root
view / "$root"
# Nobody has set it up, and it has a name of its own.
rm -rf "$root/opt/jobferry" "$root/etc/jobferry" "$root/etc/ssl/jobferry" "$root/etc/systemd/system" "$root/var/log/journal"
mkdir -p "$root/etc/systemd/system"
: >"$root/etc/fstab"
: >"$root/etc/machine-id"

# Python as it is here, but where a service may look: not in somebody's home.
view "$2" "$root/opt/python"
view "$3" "$root/opt/packages"
view "$4" "$root/srv/jobferry"
rm -rf "$root"/opt/packages/*jobferry* "$root"/opt/packages/pip*
for library in "$root"/opt/python/lib/python3.[0-9]*; do
  rm -f "$library/sitecustomize.py"
  echo 'import site; site.addsitedir("/opt/packages")' >"$library/sitecustomize.py"
done
echo /opt/python/lib >"$root/etc/ld.so.conf.d/python.conf"
chroot "$root" ldconfig

cd "$root"
mount -t proc proc proc
# These are the kernel's, which is everybody's.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir run/postgres
mount --bind "$5" run/postgres
ip link set lo up

mkdir old
pivot_root . old
umount -l old
cd /
# Not what could reach the machine itself.
exec setpriv --bounding-set -sys_module,-sys_rawio,-sys_time,-sys_boot,-audit_read,-syslog \
  env -i container=test PATH=/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=basic.target --log-target=journal
