// Runs a compiled filter as the kernel would, so that tests can ask what it decides on either architecture without making the call.
// Knows only the instructions that compile-filter.ts writes, and throws at any other.
import { auditArchitectures, dataOffsets, instructionBytes, opcodes } from '../../src/jail/compile-filter.ts';
import type { Architecture } from '../../src/jail/index.ts';

export interface SystemCall {
  readonly number: number;
  /** Up to six, each as 64 bits. */
  readonly values: readonly bigint[];
  /** Of the interface that the call came by; a number for one that Airlock does not know. */
  readonly architecture: Architecture | number;
}

/** struct seccomp_data; the instruction pointer in it stays 0. */
function callData({ number, values, architecture }: SystemCall): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, dataOffsets.call);
  data.writeUInt32LE(
    typeof architecture === 'number' ? architecture : auditArchitectures[architecture],
    dataOffsets.architecture,
  );
  values.forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, value), dataOffsets.arguments + index * 8);
  });
  return data;
}

/** What the filter returns for a call; see `returnValue` for what that means. */
export function interpretFilter(program: Buffer, call: SystemCall): number {
  const data = callData(call);
  let accumulator = 0;
  for (let at = 0; ; at += instructionBytes) {
    const value = program.readUInt32LE(at + 4);
    const jump = (holds: boolean): number => program[at + (holds ? 2 : 3)] * instructionBytes;
    switch (program.readUInt16LE(at)) {
      case opcodes.load:
        accumulator = data.readUInt32LE(value);
        break;
      case opcodes.and:
        accumulator = (accumulator & value) >>> 0;
        break;
      case opcodes.jumpIfEqual:
        at += jump(accumulator === value);
        break;
      case opcodes.jumpIfAtLeast:
        at += jump(accumulator >= value);
        break;
      case opcodes.return:
        return value;
      default:
        throw new RangeError(`instruction ${program.readUInt16LE(at)} at ${at}`);
    }
  }
}
