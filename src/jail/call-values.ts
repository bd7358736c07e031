// Numbers of the kernel's interface that a rule names and that src/kernel passes: written once, so that a rule cannot allow another
// call than the one that is made. They are the same on both architectures.

/** By call. */
export const callValues = {
  // linux/prctl.h
  prctl: { setDumpable: 4, setMemoryDenyWriteExecute: 65, refuseExecutableGain: 1 },
  // linux/seccomp.h
  seccomp: { setModeFilter: 1, synchronizeThreads: 1 },
  // asm-generic/fcntl.h
  fcntl: { setDescriptorFlags: 2 },
} as const;
