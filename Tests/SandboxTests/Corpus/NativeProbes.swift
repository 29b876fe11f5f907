/// Attacks by native Python, which has no engine around it: the jail alone must stop them.
enum NativeProbe {
  /// Makes system calls by number; a negative answer raises.
  static let prelude = """
    import os, socket, ctypes, signal
    libc = ctypes.CDLL(None, use_errno=True)
    def call(number, *args):
        value = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args])
        if value < 0:
            raise OSError(ctypes.get_errno(), 'refused')
        return value

    """

  /// Names, and expressions that must raise or end the process.
  static let attempts: [(String, String)] = [
    ("a file of the host", "open('/etc/passwd').read()"), ("shadow", "open('/etc/shadow').read()"),
    ("the root folder", "os.listdir('/')"), ("temporary files", "os.listdir('/tmp')"),
    ("a write outside", "open('/tmp/cadre-native-escape', 'w')"), ("shared memory", "open('/dev/shm/x', 'w')"),
    ("the environment of the parent", "open(f'/proc/{os.getppid()}/environ', 'rb').read()"),
    ("its own memory", "open('/proc/self/mem', 'rb').read(1)"), ("memory of the machine", "open('/dev/mem', 'rb')"),
    ("a link to a file", "(os.symlink('/etc/passwd', 'l'), open('l').read())"),
    ("a hard link to a file", "os.link('/etc/passwd', 'h')"),
    ("TCP", "socket.socket(socket.AF_INET, socket.SOCK_STREAM)"),
    ("UDP", "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)"),
    ("UNIX sockets", "socket.socket(socket.AF_UNIX)"),
    ("raw sockets", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    ("netlink", "socket.socket(16, socket.SOCK_RAW, 0)"), ("packets", "socket.socket(17, socket.SOCK_RAW, 0)"),
    ("names of hosts", "socket.getaddrinfo('example.com', 80)"),
    ("fork", "os.fork()"), ("a program", "os.execv('/bin/sh', ['sh', '-c', 'echo ESCAPED'])"),
    ("a child process", "os.posix_spawn('/bin/sh', ['sh'], {})"),
    ("the loader as a program", "os.execv('/lib64/ld-linux-x86-64.so.2', ['ld', '/bin/sh'])"),
    (
      "a program of its own",
      "(open('p', 'wb').write(open('/usr/bin/python3', 'rb').read()), os.chmod('p', 0o755), os.execv('p', ['p']))"
    ),
    ("a signal to the parent", "os.kill(os.getppid(), signal.SIGKILL)"),
    ("a signal to init", "os.kill(1, signal.SIGKILL)"),
    ("another user", "os.setuid(0)"), ("another group", "os.setgroups([0])"),
    ("a file of root", "os.chown('/etc/passwd', 0, 0)"), ("set user id", "(open('s', 'w'), os.chmod('s', 0o4755))"),
    ("a device", "os.mknod('d', 0o20666, 0x103)"), ("a pipe", "os.mkfifo('f')"),
    ("a higher limit", "__import__('resource').setrlimit(7, (100000, 100000))"),
    ("real-time priority", "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))"),
    ("another root", "os.chroot('.')"),
    ("input of a terminal", "__import__('fcntl').ioctl(0, 0x5412, b'x')"),
  ]

  /// System calls by their numbers on x86-64.
  static let calls: [(String, String)] = [
    ("ptrace", "call(101, 16, os.getppid(), 0, 0)"), ("process_vm_readv", "call(310, os.getppid(), 0, 0, 0, 0, 0)"),
    ("unshare", "call(272, 0x10000000)"), ("setns", "call(308, 3, 0)"),
    ("mount", "call(165, b'x', b'/', b'tmpfs', 0, 0)"),
    ("pivot_root", "call(155, b'.', b'.')"), ("bpf", "call(321, 0, 0, 0)"), ("io_uring_setup", "call(425, 1, 0)"),
    ("memfd_create", "call(319, b'x', 0)"), ("keyctl", "call(250, 0, -3, 0, 0, 0)"),
    ("add_key", "call(248, b'user', b'x', b'y', 1, -3)"),
    ("open_by_handle_at", "call(304, 3, 0, 0)"), ("userfaultfd", "call(323, 0)"),
    ("perf_event_open", "call(298, 0, 0, -1, -1, 0)"),
    ("init_module", "call(175, 0, 0, b'')"), ("kexec_load", "call(246, 0, 0, 0, 0)"),
    ("reboot", "call(169, 0, 0, 0, 0)"),
    ("swapon", "call(167, b'x', 0)"), ("acct", "call(163, b'x')"), ("iopl", "call(172, 3)"),
    ("modify_ldt", "call(154, 1, 0, 0)"),
    ("kcmp", "call(312, 1, 1, 0, 0, 0)"), ("shmget", "call(29, 0, 4096, 0o1666)"), ("msgget", "call(68, 0, 0o1666)"),
    ("fanotify_init", "call(300, 0, 0)"), ("execveat", "call(322, -100, b'/bin/sh', 0, 0, 0)"), ("vfork", "call(58)"),
    ("clone with a new process", "call(56, 17, 0, 0, 0, 0)"), ("a call of the x32 interface", "call(0x40000000 | 39)"),
    ("landlock again", "call(444, 0, 0, 0)"), ("seccomp again", "call(317, 1, 0, 0)"),
  ]
}
