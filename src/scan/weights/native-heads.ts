// Heads of programs, checked far beyond their magic numbers, because a gigabyte of random bytes has every four bytes somewhere:
// with what is compared here a false alarm takes more than a million terabytes of noise. Facts from the formats' specifications.

const elfMachines: ReadonlyMap<number, string> = new Map([
  [3, 'x86'],
  [8, 'MIPS'],
  [20, 'PowerPC'],
  [21, 'PowerPC64'],
  [22, 'S390'],
  [40, 'ARM'],
  [62, 'x86-64'],
  [183, 'AArch64'],
  [190, 'CUDA'],
  [243, 'RISC-V'],
  [247, 'BPF'],
  [258, 'LoongArch'],
]);
const machTypes: ReadonlySet<number> = new Set([7, 12, 18, 0x0100_0007, 0x0100_000c, 0x0100_0012, 0x0200_000c]);

/** System V ABI, ELF header. */
export function elfHead(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 52 || bytes.readUInt32BE(at) !== 0x7f45_4c46) return undefined;
  const wide = bytes[at + 4];
  const order = bytes[at + 5];
  if ((wide !== 1 && wide !== 2) || (order !== 1 && order !== 2) || bytes[at + 6] !== 1) return undefined;
  const half = (offset: number) => (order === 1 ? bytes.readUInt16LE(at + offset) : bytes.readUInt16BE(at + offset));
  const type = half(16);
  const machine = half(18);
  if (type < 1 || type > 4 || machine === 0 || machine > 300) return undefined;
  return `an ELF ${type === 3 ? 'library or executable' : 'executable'} for ${elfMachines.get(machine) ?? `machine ${machine}`}`;
}

/** Microsoft PE format: the DOS head says where "PE\0\0" is. */
export function peHead(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 64 || bytes[at] !== 0x4d || bytes[at + 1] !== 0x5a) return undefined;
  const head = bytes.readUInt32LE(at + 60);
  if (head < 4 || head > 4000 || bytes.length - at < head + 24 || bytes.readUInt32BE(at + head) !== 0x5045_0000) return undefined;
  return 'a Windows executable';
}

/** Mach-O loader.h and fat.h; a Java class has the magic number of the latter. */
export function machHead(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 32) return undefined;
  const magic = bytes.readUInt32BE(at);
  if (magic === 0xcafe_babe) {
    const count = bytes.readUInt32BE(at + 4);
    if (count >= 1 && count <= 20 && machTypes.has(bytes.readUInt32BE(at + 8))) return 'a macOS executable';
    const tag = bytes[at + 10];
    const isClass = count >= 45 && count <= 80 && bytes.readUInt16BE(at + 8) > 1 && tag >= 1 && tag <= 20;
    return isClass ? 'a Java class' : undefined;
  }
  const isLittle = magic === 0xcefa_edfe || magic === 0xcffa_edfe;
  if (!isLittle && magic !== 0xfeed_face && magic !== 0xfeed_facf) return undefined;
  const word = (offset: number) => (isLittle ? bytes.readUInt32LE(at + offset) : bytes.readUInt32BE(at + offset));
  const isMach = machTypes.has(word(4)) && word(12) >= 1 && word(12) <= 12 && word(16) >= 1 && word(16) <= 4096;
  return isMach ? 'a macOS executable' : undefined;
}

/** WebAssembly binary format, version 1, with a section after the head. */
export function wasmHead(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 10 || bytes.readUInt32BE(at) !== 0x0061_736d || bytes.readUInt32LE(at + 4) !== 1) return undefined;
  return bytes[at + 8] <= 13 ? 'a WebAssembly module' : undefined;
}

/** Android's DEX format. */
export function dexHead(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 8 || bytes.readUInt32BE(at) !== 0x6465_780a) return undefined;
  return /^0[34]\d\0$/.test(bytes.toString('latin1', at + 4, at + 8)) ? 'an Android executable' : undefined;
}

/** PEP 552 and 3147: number of the version, CR LF, flags, time or hash, then a code object. `at` is where CR LF lies. */
export function pycHead(bytes: Buffer, at: number): string | undefined {
  const start = at - 2;
  if (start < 0 || bytes.length - start < 17 || bytes[at] !== 0x0d || bytes[at + 1] !== 0x0a) return undefined;
  const version = bytes.readUInt16LE(start);
  const code = bytes[start + 16];
  if (version < 3390 || version > 3800 || bytes.readUInt32LE(start + 4) > 3 || (code !== 0xe3 && code !== 0x63)) return undefined;
  return 'compiled Python';
}

/** `#!/bin/sh`, `#!/usr/bin/env python3`, up to the end of its line. */
export function shebangHead(bytes: Buffer, at: number): string | undefined {
  if (bytes[at] !== 0x23 || bytes[at + 1] !== 0x21) return undefined;
  const line = /^#! ?(\/(?:usr\/(?:local\/)?)?s?bin\/[A-Za-z0-9._/ -]{2,100})[\r\n]/.exec(bytes.toString('latin1', at, at + 128));
  return line === null ? undefined : `a script for ${line[1]}`;
}
