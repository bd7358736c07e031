// Turns a policy into the program that the kernel runs before each system call (classic BPF, see seccomp(2)). A call that came by
// another processor's interface ends the process: x86_64 kernels also take i386 and x32 calls, whose numbers mean something else.
import { type Action, type Condition, errnoNumbers, type Policy, type Rule } from './rules.ts';
import { type Architecture, callNumber } from './syscall-numbers.ts';

/** Opcodes of the few instructions in use. */
export const opcodes = { load: 0x20, and: 0x54, jumpIfEqual: 0x15, jumpIfAtLeast: 0x35, return: 0x06 } as const;

/** Where struct seccomp_data has its fields; arguments are 64 bits wide, the lower half first. */
export const dataOffsets = { call: 0, architecture: 4, arguments: 16 } as const;

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64. */
export const auditArchitectures: Readonly<Record<Architecture, number>> = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };

/** Calls of the x32 interface carry this bit. */
const x32Bit = 0x40000000;

/** The most that the kernel takes (BPF_MAXINSNS). */
const maxInstructions = 4096;

/** struct sock_filter. */
export const instructionBytes = 8;

/** What a filter returns for an action. */
export function returnValue(action: Action): number {
  if (action === 'allow') return 0x7fff0000;
  if (action === 'kill') return 0x80000000;
  return 0x00050000 | errnoNumbers[action];
}

interface Instruction {
  readonly opcode: number;
  readonly value: number;
  /** How many instructions to skip when a comparison holds, and when not; `'fail'` is patched to the end of the alternative. */
  readonly ifEqual?: number | 'fail';
  readonly ifNot?: number | 'fail';
}

const load = (offset: number): Instruction => ({ opcode: opcodes.load, value: offset });
const leave = (action: Action): Instruction => ({ opcode: opcodes.return, value: returnValue(action) });
const demand = (value: number): Instruction => ({ opcode: opcodes.jumpIfEqual, value, ifNot: 'fail' });

/** Falls through when the condition holds. */
function conditionCode({ argument, width, oneOf, ignoring }: Condition): Instruction[] {
  const low = dataOffsets.arguments + argument * 8;
  const code = width === 64 ? [load(low + 4), demand(0), load(low)] : [load(low)];
  if (ignoring !== 0) code.push({ opcode: opcodes.and, value: ~ignoring >>> 0 });
  oneOf.slice(0, -1).forEach((value, index) => {
    code.push({ opcode: opcodes.jumpIfEqual, value, ifEqual: oneOf.length - 1 - index });
  });
  return [...code, ...oneOf.slice(-1).map(demand)];
}

/** One rule: returns its action, or goes on behind itself when a condition does not hold. */
function ruleCode({ when, action }: Rule): Instruction[] {
  const code = [...when.flatMap(conditionCode), leave(action)];
  const target = (jump: Instruction['ifEqual'], index: number): number =>
    jump === 'fail' ? code.length - 1 - index : (jump ?? 0);
  return code.map((instruction, index) => ({
    ...instruction,
    ifEqual: target(instruction.ifEqual, index),
    ifNot: target(instruction.ifNot, index),
  }));
}

function assemble(code: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(code.length * instructionBytes);
  code.forEach((instruction, index) => {
    const at = index * instructionBytes;
    bytes.writeUInt16LE(instruction.opcode, at);
    // A jump is one byte: a rule that is too long throws here and never becomes a program.
    bytes.writeUInt8(Number(instruction.ifEqual ?? 0), at + 2);
    bytes.writeUInt8(Number(instruction.ifNot ?? 0), at + 3);
    bytes.writeUInt32LE(instruction.value, at + 4);
  });
  return bytes;
}

/**
 * The program for a policy, in the kernel's format (struct sock_filter, 8 bytes each). Rules for calls that the architecture does
 * not have are left out.
 * @throws RangeError when the rules of one call, or all together, are longer than the kernel takes.
 */
export function compileFilter({ rules, otherwise }: Policy, architecture: Architecture): Buffer {
  const code: Instruction[] = [
    load(dataOffsets.architecture),
    { opcode: opcodes.jumpIfEqual, value: auditArchitectures[architecture], ifEqual: 1 },
    leave('kill'),
    load(dataOffsets.call),
    { opcode: opcodes.jumpIfAtLeast, value: x32Bit, ifNot: 1 },
    leave('kill'),
  ];
  for (const call of new Set(rules.map((rule) => rule.call))) {
    const number = callNumber(call, architecture);
    if (number === undefined) continue;
    const body = [...rules.filter((rule) => rule.call === call).flatMap(ruleCode), leave(otherwise)];
    code.push({ opcode: opcodes.jumpIfEqual, value: number, ifNot: body.length }, ...body);
  }
  code.push(leave(otherwise));
  if (code.length > maxInstructions) throw new RangeError(`${code.length} instructions`);
  return assemble(code);
}
