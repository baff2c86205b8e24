#!/bin/sh
# The guest's first process: mounts, runs the job as root, leaves its exit code, and takes the power away.
# The root is the host's own tree, read-only. Writable: /run (memory) and /run/share, the host's folder $SHARE.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null # mounted already when the kernel did it
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t configfs config /sys/kernel/config
mkdir -p /run/share /run/tmp
mount -t hostfs -o "$SHARE" share /run/share
ip link set lo up
export HOME=/run TMPDIR=/run/tmp PYTHONDONTWRITEBYTECODE=1
cd /run || exit
(cat /proc/cpuinfo && echo "Revision : c03114") >/run/cpuinfo # lgpio asks which Pi this is: a 4B
mount --bind /run/cpuinfo /proc/cpuinfo
off() {
  sync
  echo o >/proc/sysrq-trigger
  sleep 10
}
sh /run/share/modules >/run/share/output 2>&1 || off
: >/run/share/booted
sh /run/share/job >/run/share/output 2>&1 </dev/null
echo $? >/run/share/exit
off
