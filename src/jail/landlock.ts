// The bytes that landlock_create_ruleset(2) and landlock_add_rule(2) take, by the version of the interface (ABI) that a kernel has.
// Everything that a version can restrict is restricted; a right that is given must be in a path rule.
import type { PathRule } from './launch-plan.ts';

const rights = { execute: 1n << 0n, readFile: 1n << 2n, readDirectory: 1n << 3n };

const rightsOf: Readonly<Record<PathRule['access'], bigint>> = {
  read: rights.readFile,
  folder: rights.readFile | rights.readDirectory,
  execute: rights.readFile | rights.execute,
};

/** How many of the file rights, which are the lowest bits of a mask, each ABI has: 2 adds renaming, 3 truncation, 5 ioctls. */
function fileRightCount(abi: number): bigint {
  if (abi >= 5) return 16n;
  if (abi >= 3) return 15n;
  return abi === 2 ? 14n : 13n;
}

/** Every file right of an ABI, as a mask. */
export function handledFileRights(abi: number): bigint {
  return (1n << fileRightCount(abi)) - 1n;
}

/**
 * struct landlock_ruleset_attr with all rights of an ABI from 1: files; from 4 binding and connecting TCP; from 6 abstract Unix
 * sockets and signals to processes outside. Only as long as that ABI has it: an older kernel refuses a longer one.
 */
export function rulesetAttributes(abi: number): Buffer {
  const attributes = [handledFileRights(abi)];
  if (abi >= 4) attributes.push(0b11n);
  if (abi >= 6) attributes.push(0b11n);
  const bytes = Buffer.alloc(attributes.length * 8);
  attributes.forEach((value, index) => {
    bytes.writeBigUInt64LE(value, index * 8);
  });
  return bytes;
}

/** struct landlock_path_beneath_attr for an open file or folder. */
export function pathRuleAttributes(access: PathRule['access'], fd: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64LE(rightsOf[access], 0);
  bytes.writeInt32LE(fd, 8);
  return bytes;
}
