# SPDX-License-Identifier: GPL-2.0-only
# The samples: each is kern/NAME_kern.c + user/NAME_user.cpp and one word here.
SAMPLES := execsnoop opensnoop forkcount hello syscount vfscount runqlat profile funclatency biolatency usdt tcpconnect sockcount core_fields sysargs netcount cgroupcount
# Those whose instructions are typed in: kern/NAME_kern.h + user/NAME_user.cpp, and nothing to compile for BPF.
BARE_SAMPLES := raw_load
